; What steps call for matrix products; see blas.py.  Parts of a product take 50 microseconds and more, so
; what is done around one is optnone: code that is made in a fifth of the time.

define void @batch(ptr %w, i64 %begin, i64 %end) {
entry:
$loads
  br label %head
head:
  %i = phi i64 [%begin, %entry], [%i.next, %one]
  %more = icmp slt i64 %i, %end
  br i1 %more, label %one, label %out
one:
  %ao = mul i64 %i, %a_stride
  %bo = mul i64 %i, %b_stride
  %co = mul i64 %i, %c_stride
  %so = mul i64 %i, %source_stride
  %ai = getelementptr i8, ptr %a, i64 %ao
  %bi = getelementptr i8, ptr %b, i64 %bo
  %ci = getelementptr i8, ptr %c, i64 %co
  %si.0 = getelementptr i8, ptr %source, i64 %so
  %si = select i1 %none, ptr null, ptr %si.0
  call void @product(ptr %w, ptr %ai, ptr %bi, ptr %ci, ptr %si, i64 %m, i64 %n)
  %i.next = add i64 %i, 1
  br label %head
out:
  ret void
}

define void @rows(ptr %w, i64 %begin, i64 %end) noinline optnone {
entry:
$loads
  %plain = icmp eq i64 %transpose_a, 78
  %row = select i1 %plain, i64 %lda, i64 1
  %ao = mul i64 %begin, %row
  %co = mul i64 %begin, %ldc
  %so = mul i64 %begin, %ld_source
  %ai = getelementptr $type, ptr %a, i64 %ao
  %ci = getelementptr $type, ptr %c, i64 %co
  %si.0 = getelementptr $type, ptr %source, i64 %so
  %si = select i1 %none, ptr null, ptr %si.0
  %count = sub i64 %end, %begin
  call void @product(ptr %w, ptr %ai, ptr %b, ptr %ci, ptr %si, i64 %count, i64 %n)
  ret void
}

define void @columns(ptr %w, i64 %begin, i64 %end) noinline optnone {
entry:
$loads
  %plain = icmp eq i64 %transpose_b, 78
  %column = select i1 %plain, i64 1, i64 %ldb
  %bo = mul i64 %begin, %column
  %bi = getelementptr $type, ptr %b, i64 %bo
  %ci = getelementptr $type, ptr %c, i64 %begin
  %si.0 = getelementptr $type, ptr %source, i64 %begin
  %si = select i1 %none, ptr null, ptr %si.0
  %count = sub i64 %end, %begin
  call void @product(ptr %w, ptr %a, ptr %bi, ptr %ci, ptr %si, i64 %m, i64 %count)
  ret void
}
