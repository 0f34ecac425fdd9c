; Matrix products; see blas.py for what they do, and for the words written as dollar names.

declare void @gemm(ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr)
declare void @gemv(ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr)
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
$thread_symbols
@one = private constant i64 1
@normal = private constant i8 78
@transposed = private constant i8 84

; C0 into C, row by row
define internal void @copy(ptr %w, ptr %c, ptr %source, i64 %m, i64 %n) {
entry:
  %ldc.at = getelementptr i64, ptr %w, i64 $ldc
  %ldc = load i64, ptr %ldc.at
  %lds.at = getelementptr i64, ptr %w, i64 $ld_source
  %lds = load i64, ptr %lds.at
  %dense.c = icmp eq i64 %ldc, %n
  %dense.s = icmp eq i64 %lds, %n
  %dense = and i1 %dense.c, %dense.s
  %all = mul i64 %m, %n
  %length = select i1 %dense, i64 %all, i64 %n
  %bytes = mul i64 %length, $size
  %rows = select i1 %dense, i64 1, i64 %m
  br label %head
head:
  %i = phi i64 [0, %entry], [%i.next, %row]
  %more = icmp slt i64 %i, %rows
  br i1 %more, label %row, label %out
row:
  %to.o = mul i64 %i, %ldc
  %from.o = mul i64 %i, %lds
  %to = getelementptr $type, ptr %c, i64 %to.o
  %from = getelementptr $type, ptr %source, i64 %from.o
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 %bytes, i1 false)
  %i.next = add i64 %i, 1
  br label %head
out:
  ret void
}

; One product of %m rows and %n columns.  Row-major C is column-major C': C' = op(B)' op(A)'.
define internal void @product(ptr %w, ptr %a, ptr %b, ptr %c, ptr %source, i64 %m, i64 %n) {
entry:
  %m.at = alloca i64
  store i64 %m, ptr %m.at
  %n.at = alloca i64
  store i64 %n, ptr %n.at
  %ta.at = getelementptr i64, ptr %w, i64 $transpose_a
  %tb.at = getelementptr i64, ptr %w, i64 $transpose_b
  %k.at = getelementptr i64, ptr %w, i64 $k
  %alpha.at = getelementptr i64, ptr %w, i64 $alpha
  %alpha = load ptr, ptr %alpha.at
  %beta.at = getelementptr i64, ptr %w, i64 $beta
  %beta = load ptr, ptr %beta.at
  %lda.at = getelementptr i64, ptr %w, i64 $lda
  %ldb.at = getelementptr i64, ptr %w, i64 $ldb
  %ldc.at = getelementptr i64, ptr %w, i64 $ldc
  %k = load i64, ptr %k.at
  %no.rows = icmp sle i64 %m, 0
  %no.columns = icmp eq i64 %n, 0
  %empty = or i1 %no.rows, %no.columns
  br i1 %empty, label %out, label %start
start:
  %beta.value = load $type, ptr %beta
  %scaled = fcmp une $type %beta.value, 0.0
  %given = icmp ne ptr %source, null
  %elsewhere = icmp ne ptr %source, %c
  %copy.0 = and i1 %given, %elsewhere
  %copy = and i1 %copy.0, %scaled
  br i1 %copy, label %bring, label %choose
bring:
  call void @copy(ptr %w, ptr %c, ptr %source, i64 %m, i64 %n)
  br label %choose
choose:
  ; the vector routines leave C as it is where k is 0
  %sums = icmp ne i64 %k, 0
  %column.0 = icmp eq i64 %n, 1
  %column = and i1 %column.0, %sums
  br i1 %column, label %times.column, label %choose.row
choose.row:
  %row.0 = icmp eq i64 %m, 1
  %row = and i1 %row.0, %sums
  br i1 %row, label %row.times, label %matrix
matrix:
  %area = mul i64 %m, %n
  %work = mul i64 %area, %k
  %big = icmp sgt i64 %work, $gemm_alone
  call void @enter(i1 %big)
  call void @gemm(ptr %tb.at, ptr %ta.at, ptr %n.at, ptr %m.at, ptr %k.at, ptr %alpha,
                  ptr %b, ptr %ldb.at, ptr %a, ptr %lda.at, ptr %beta, ptr %c, ptr %ldc.at)
  call void @leave(i1 %big)
  br label %out
times.column:
  %size.c = mul i64 %m, %k
  %big.c = icmp sgt i64 %size.c, $gemv_alone
  call void @enter(i1 %big.c)
  ; y = op(A) x: the stored rows of A are columns, so "N" is transposed
  %ta = load i64, ptr %ta.at
  %a.plain = icmp eq i64 %ta, 78
  %a.flag = select i1 %a.plain, ptr @transposed, ptr @normal
  %a.rows = select i1 %a.plain, ptr %k.at, ptr %m.at
  %a.columns = select i1 %a.plain, ptr %m.at, ptr %k.at
  %tb = load i64, ptr %tb.at
  %b.plain = icmp eq i64 %tb, 78
  %x.step = select i1 %b.plain, ptr %ldb.at, ptr @one
  call void @gemv(ptr %a.flag, ptr %a.rows, ptr %a.columns, ptr %alpha, ptr %a, ptr %lda.at,
                  ptr %b, ptr %x.step, ptr %beta, ptr %c, ptr %ldc.at)
  call void @leave(i1 %big.c)
  br label %out
row.times:
  %size.r = mul i64 %n, %k
  %big.r = icmp sgt i64 %size.r, $gemv_alone
  call void @enter(i1 %big.r)
  ; y = op(B)' x
  %tb.r = load i64, ptr %tb.at
  %b.plain.r = icmp eq i64 %tb.r, 78
  %b.flag = select i1 %b.plain.r, ptr @normal, ptr @transposed
  %b.rows = select i1 %b.plain.r, ptr %n.at, ptr %k.at
  %b.columns = select i1 %b.plain.r, ptr %k.at, ptr %n.at
  %ta.r = load i64, ptr %ta.at
  %a.plain.r = icmp eq i64 %ta.r, 78
  %x.step.r = select i1 %a.plain.r, ptr @one, ptr %lda.at
  call void @gemv(ptr %b.flag, ptr %b.rows, ptr %b.columns, ptr %alpha, ptr %b, ptr %ldb.at,
                  ptr %a, ptr %x.step.r, ptr %beta, ptr %c, ptr @one)
  call void @leave(i1 %big.r)
  br label %out
out:
  ret void
}
