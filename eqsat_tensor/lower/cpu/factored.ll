; Cholesky factors, systems, inverses and determinants of small matrices; see factored.py.

declare void @potrf(ptr, ptr, ptr, ptr, ptr)
declare void @getrf(ptr, ptr, ptr, ptr, ptr, ptr)
declare void @gemm(ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr)
declare i64 @llvm.smin.i64(i64, i64)
declare void @trsm(ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
$thread_symbols
@letter.l = private constant i8 76
@letter.n = private constant i8 78
@letter.r = private constant i8 82
@letter.t = private constant i8 84
@letter.u = private constant i8 85
@one = private constant $type 1.0
@minus = private constant $type -1.0

; What the library refuses is done again by way of Python, which raises what NumPy raises.
define internal void @refused(ptr %w) {
  %again.at = getelementptr i64, ptr %w, i64 $again
  %again = load ptr, ptr %again.at
  %argument.at = getelementptr i64, ptr %w, i64 $argument
  %argument = load ptr, ptr %argument.at
  call void %again(ptr %argument, i64 0, i64 1)
  ret void
}

; The lower triangle L of row-major A = L L': to Fortran, the upper triangle of L' L.
define void @cholesky(ptr %w, i64 %begin, i64 %end) {
entry:
$loads
  %info = alloca i64
  store i64 0, ptr %info
  %area = mul i64 %n, %n
  call void @enter(i1 true)
  br label %head
head:
  %u = phi i64 [%begin, %entry], [%u.next, %good]
  %more = icmp slt i64 %u, %end
  br i1 %more, label %matrix, label %out
matrix:
  %u.next = add i64 %u, 1
  %o = mul i64 %u, %area
  %from = getelementptr $type, ptr %a, i64 %o
  %to = getelementptr $type, ptr %x, i64 %o
  br label %rows
rows:
  %i = phi i64 [0, %matrix], [%i.next, %row]
  %row.more = icmp slt i64 %i, %n
  br i1 %row.more, label %row, label %factor
row:
  %i.next = add i64 %i, 1
  %line = mul i64 %i, %n
  %from.i = getelementptr $type, ptr %from, i64 %line
  %to.i = getelementptr $type, ptr %to, i64 %line
  %below = mul i64 %i.next, $size
  %above = sub i64 %n, %i.next
  %above.bytes = mul i64 %above, $size
  call void @llvm.memcpy.p0.p0.i64(ptr %to.i, ptr %from.i, i64 %below, i1 false)
  %rest = getelementptr $type, ptr %to.i, i64 %i.next
  call void @llvm.memset.p0.i64(ptr %rest, i8 0, i64 %above.bytes, i1 false)
  br label %rows
factor:
  call void @potrf(ptr @letter.u, ptr %n.at, ptr %to, ptr %n.at, ptr %info)
  %status = load i32, ptr %info
  %failed = icmp ne i32 %status, 0
  %nan = call i1 @has_nan(ptr %to, i64 %area)
  %odd = or i1 %failed, %nan
  br i1 %odd, label %bad, label %good
good:
  br label %head
bad:
  call void @leave(i1 true)
  call void @refused(ptr %w)
  ret void
out:
  call void @leave(i1 true)
  ret void
}

; x with T x = x given, T being A or A' and A a triangle: by blocks of rows, first (T lower) or last
; ones first.  From each block the product with what is solved is taken away, then it is solved.
define internal void @triangle(ptr %a, ptr %x, i64 %n, i64 %k, i1 %lower, i1 %turned, i1 %unit) {
entry:
  %n.at = alloca i64
  store i64 %n, ptr %n.at
  %k.at = alloca i64
  store i64 %k, ptr %k.at
  %rows.at = alloca i64
  %done.at = alloca i64
  %triangle = select i1 %lower, ptr @letter.u, ptr @letter.l
  %transposed = select i1 %turned, ptr @letter.t, ptr @letter.n
  %diagonal = select i1 %unit, ptr @letter.u, ptr @letter.n
  %first = xor i1 %lower, %turned
  %more.n = add i64 %n, $less
  %blocks = udiv i64 %more.n, $block
  br label %head
head:
  %u = phi i64 [0, %entry], [%u.next, %solve]
  %more = icmp slt i64 %u, %blocks
  br i1 %more, label %one, label %out
one:
  %u.next = add i64 %u, 1
  %from.end = sub i64 %blocks, %u.next
  %number = select i1 %first, i64 %u, i64 %from.end
  %i = mul i64 %number, $block
  %i.full = add i64 %i, $block
  %i.end = call i64 @llvm.smin.i64(i64 %i.full, i64 %n)
  %rows = sub i64 %i.end, %i
  store i64 %rows, ptr %rows.at
  %after = sub i64 %n, %i.end
  %done = select i1 %first, i64 %i, i64 %after
  store i64 %done, ptr %done.at
  %c = select i1 %first, i64 0, i64 %i.end
  %line = mul i64 %i, %n
  %x.o = mul i64 %i, %k
  %x.i = getelementptr $type, ptr %x, i64 %x.o
  %any = icmp sgt i64 %done, 0
  br i1 %any, label %take, label %solve
take:
  %beside = add i64 %line, %c
  %c.line = mul i64 %c, %n
  %below = add i64 %c.line, %i
  %a.o = select i1 %turned, i64 %below, i64 %beside
  %a.c = getelementptr $type, ptr %a, i64 %a.o
  %x.c.o = mul i64 %c, %k
  %x.c = getelementptr $type, ptr %x, i64 %x.c.o
  call void @gemm(ptr @letter.n, ptr %transposed, ptr %k.at, ptr %rows.at, ptr %done.at, ptr @minus,
                  ptr %x.c, ptr %k.at, ptr %a.c, ptr %n.at, ptr @one, ptr %x.i, ptr %k.at)
  br label %solve
solve:
  %d.o = add i64 %line, %i
  %a.d = getelementptr $type, ptr %a, i64 %d.o
  call void @trsm(ptr @letter.r, ptr %triangle, ptr %transposed, ptr %diagonal, ptr %k.at, ptr %rows.at,
                  ptr @one, ptr %a.d, ptr %n.at, ptr %x.i, ptr %k.at)
  br label %head
out:
  ret void
}

; i1: has a triangle a zero on its diagonal?
define internal i1 @has_zero(ptr %a, i64 %n) {
entry:
  %step = add i64 %n, 1
  br label %head
head:
  %i = phi i64 [0, %entry], [%i.next, %one]
  %more = icmp slt i64 %i, %n
  br i1 %more, label %one, label %none
one:
  %i.next = add i64 %i, 1
  %o = mul i64 %i, %step
  %at = getelementptr $type, ptr %a, i64 %o
  %value = load $type, ptr %at
  %zero = fcmp oeq $type %value, 0.0
  br i1 %zero, label %some, label %head
some:
  ret i1 true
none:
  ret i1 false
}

; x with A x = b: to Fortran, x' A' = b'.
define void @solve_triangular(ptr %w, i64 %begin, i64 %end) {
entry:
$loads
  %is.lower = icmp ne i64 %lower, 0
  %is.turned = icmp ne i64 %transposed, 0
  %area = mul i64 %n, %n
  %width = mul i64 %n, %k
  %bytes = mul i64 %width, $size
  call void @enter(i1 true)
  br label %head
head:
  %u = phi i64 [%begin, %entry], [%u.next, %good]
  %more = icmp slt i64 %u, %end
  br i1 %more, label %system, label %out
system:
  %u.next = add i64 %u, 1
  %ao = mul i64 %u, %area
  %xo = mul i64 %u, %width
  %ai = getelementptr $type, ptr %a, i64 %ao
  %bi = getelementptr $type, ptr %b, i64 %xo
  %xi = getelementptr $type, ptr %x, i64 %xo
  %zero = call i1 @has_zero(ptr %ai, i64 %n)
  br i1 %zero, label %bad, label %good
good:
  call void @llvm.memcpy.p0.p0.i64(ptr %xi, ptr %bi, i64 %bytes, i1 false)
  call void @triangle(ptr %ai, ptr %xi, i64 %n, i64 %k, i1 %is.lower, i1 %is.turned, i1 false)
  br label %head
bad:
  call void @leave(i1 true)
  call void @refused(ptr %w)
  ret void
out:
  call void @leave(i1 true)
  ret void
}

; i1: is there a NaN among so many elements?  Where it spreads depends on the order of elimination, so
; then all is done again by way of Python.
define internal i1 @has_nan(ptr %x, i64 %count) {
entry:
  %whole = and i64 %count, -8
  br label %head
head:
  %i = phi i64 [0, %entry], [%i.next, %wide]
  %seen = phi <8 x i1> [zeroinitializer, %entry], [%seen.next, %wide]
  %more = icmp slt i64 %i, %whole
  br i1 %more, label %wide, label %ends
wide:
  %i.next = add i64 %i, 8
  %at = getelementptr $type, ptr %x, i64 %i
  %values = load <8 x $type>, ptr %at, align $size
  %nans = fcmp uno <8 x $type> %values, %values
  %seen.next = or <8 x i1> %seen, %nans
  br label %head
ends:
  %any.wide = call i1 @llvm.vector.reduce.or.v8i1(<8 x i1> %seen)
  br label %tail
tail:
  %j = phi i64 [%whole, %ends], [%j.next, %one]
  %any = phi i1 [%any.wide, %ends], [%any.next, %one]
  %tail.more = icmp slt i64 %j, %count
  br i1 %tail.more, label %one, label %out
one:
  %j.next = add i64 %j, 1
  %at.j = getelementptr $type, ptr %x, i64 %j
  %value = load $type, ptr %at.j
  %nan = fcmp uno $type %value, %value
  %any.next = or i1 %any, %nan
  br label %tail
out:
  ret i1 %any
}
declare i1 @llvm.vector.reduce.or.v8i1(<8 x i1>)

define void @solve(ptr %w, i64 %begin, i64 %end) {
  call void @systems(ptr %w, i64 %begin, i64 %end, i1 false)
  ret void
}
define void @inv(ptr %w, i64 %begin, i64 %end) {
  call void @systems(ptr %w, i64 %begin, i64 %end, i1 true)
  ret void
}

; x with A x = b, or with A x = 1.  To Fortran A' = P L U, so x' P L U = b': two triangles, then rows
; change places.
define internal void @systems(ptr %w, i64 %begin, i64 %end, i1 %inverse) {
entry:
$loads
  %info = alloca i64
  store i64 0, ptr %info
  %area = mul i64 %n, %n
  %area.bytes = mul i64 %area, $size
  %width = mul i64 %n, %k
  %bytes = mul i64 %width, $size
  call void @enter(i1 true)
  br label %head
head:
  %u = phi i64 [%begin, %entry], [%u.next, %next]
  %more = icmp slt i64 %u, %end
  br i1 %more, label %system, label %out
system:
  %u.next = add i64 %u, 1
  %ao = mul i64 %u, %area
  %xo = mul i64 %u, %width
  %ai = getelementptr $type, ptr %a, i64 %ao
  %bi = getelementptr $type, ptr %b, i64 %xo
  %xi = getelementptr $type, ptr %x, i64 %xo
  call void @llvm.memcpy.p0.p0.i64(ptr %factors, ptr %ai, i64 %area.bytes, i1 false)
  call void @getrf(ptr %n.at, ptr %n.at, ptr %factors, ptr %n.at, ptr %pivots, ptr %info)
  %status = load i32, ptr %info
  %failed = icmp ne i32 %status, 0
  br i1 %failed, label %bad, label %good
good:
  br i1 %inverse, label %unit, label %given
given:
  call void @llvm.memcpy.p0.p0.i64(ptr %xi, ptr %bi, i64 %bytes, i1 false)
  br label %solved
unit:
  call void @llvm.memset.p0.i64(ptr %xi, i8 0, i64 %bytes, i1 false)
  %diagonal.step = add i64 %k, 1
  br label %ones
ones:
  %d = phi i64 [0, %unit], [%d.next, %ones]
  %d.next = add i64 %d, 1
  %d.o = mul i64 %d, %diagonal.step
  %d.at = getelementptr $type, ptr %xi, i64 %d.o
  store $type 1.0, ptr %d.at
  %d.more = icmp slt i64 %d.next, %n
  br i1 %d.more, label %ones, label %solved
solved:
  call void @triangle(ptr %factors, ptr %xi, i64 %n, i64 %k, i1 true, i1 false, i1 false)
  call void @triangle(ptr %factors, ptr %xi, i64 %n, i64 %k, i1 false, i1 false, i1 true)
  br label %swaps
swaps:
  %left = phi i64 [%n, %solved], [%i, %swapped]
  %some = icmp sgt i64 %left, 0
  br i1 %some, label %swap, label %swaps.done
swap:
  %i = sub i64 %left, 1
  %pivot.at = getelementptr $pivot, ptr %pivots, i64 %i
  %pivot.short = load $pivot, ptr %pivot.at
  %pivot.from.1 = $widen
  %pivot = sub i64 %pivot.from.1, 1
  %line.i = mul i64 %i, %k
  %line.p = mul i64 %pivot, %k
  %row.i = getelementptr $type, ptr %xi, i64 %line.i
  %row.p = getelementptr $type, ptr %xi, i64 %line.p
  br label %elements
elements:
  %j = phi i64 [0, %swap], [%j.next, %element]
  %element.more = icmp slt i64 %j, %k
  br i1 %element.more, label %element, label %swapped
element:
  %j.next = add i64 %j, 1
  %at.i = getelementptr $type, ptr %row.i, i64 %j
  %at.p = getelementptr $type, ptr %row.p, i64 %j
  %value.i = load $type, ptr %at.i
  %value.p = load $type, ptr %at.p
  store $type %value.p, ptr %at.i
  store $type %value.i, ptr %at.p
  br label %elements
swapped:
  br label %swaps
swaps.done:
  %nan = call i1 @has_nan(ptr %xi, i64 %width)
  br i1 %nan, label %bad, label %next
next:
  br label %head
bad:
  call void @leave(i1 true)
  call void @refused(ptr %w)
  ret void
out:
  call void @leave(i1 true)
  ret void
}

define void @det(ptr %w, i64 %begin, i64 %end) {
  call void @determinants(ptr %w, i64 %begin, i64 %end, i1 false)
  ret void
}
define void @slogdet(ptr %w, i64 %begin, i64 %end) {
  call void @determinants(ptr %w, i64 %begin, i64 %end, i1 true)
  ret void
}
declare double @llvm.log.f64(double)
declare double @llvm.exp.f64(double)
declare double @llvm.fabs.f64(double)
declare double @llvm.copysign.f64(double, double)

; The product of the pivots, turned about for each exchange of rows; or the logarithm of its size.  The
; product is made by logarithms where it leaves the range on the way.
define internal void @determinants(ptr %w, i64 %begin, i64 %end, i1 %logarithm) {
entry:
$loads
  %info = alloca i64
  store i64 0, ptr %info
  %area = mul i64 %n, %n
  %area.bytes = mul i64 %area, $size
  %step = add i64 %n, 1
  call void @enter(i1 true)
  br label %head
head:
  %u = phi i64 [%begin, %entry], [%u.next, %good]
  %more = icmp slt i64 %u, %end
  br i1 %more, label %matrix, label %out
matrix:
  %u.next = add i64 %u, 1
  %ao = mul i64 %u, %area
  %ai = getelementptr $type, ptr %a, i64 %ao
  call void @llvm.memcpy.p0.p0.i64(ptr %factors, ptr %ai, i64 %area.bytes, i1 false)
  call void @getrf(ptr %n.at, ptr %n.at, ptr %factors, ptr %n.at, ptr %pivots, ptr %info)
  %status = load i32, ptr %info
  %failed = icmp ne i32 %status, 0
  br i1 %failed, label %bad, label %pivot
pivot:
  %i = phi i64 [0, %matrix], [%i.next, %pivot]
  %product = phi double [1.0, %matrix], [%product.next, %pivot]
  %sum = phi double [0.0, %matrix], [%sum.next, %pivot]
  %sign = phi double [1.0, %matrix], [%sign.next, %pivot]
  %odd = phi i1 [false, %matrix], [%odd.next, %pivot]
  %o = mul i64 %i, %step
  %at = getelementptr $type, ptr %factors, i64 %o
  %short = load $type, ptr %at
  %value = $double
  %pivot.at = getelementptr $pivot, ptr %pivots, i64 %i
  %pivot.short = load $pivot, ptr %pivot.at
  %pivot.from.1 = $widen
  %i.next = add i64 %i, 1
  %moved = icmp ne i64 %pivot.from.1, %i.next
  %minus = fneg double %value
  %signed = select i1 %moved, double %minus, double %value
  %product.next = fmul double %product, %signed
  %turn = call double @llvm.copysign.f64(double 1.0, double %signed)
  %sign.next = fmul double %sign, %turn
  %size = call double @llvm.fabs.f64(double %value)
  %log = call double @llvm.log.f64(double %size)
  %sum.next = fadd double %sum, %log
  %range = call double @llvm.fabs.f64(double %product.next)
  %small = fcmp ult double %range, 0x0170000000000000
  %large = fcmp ugt double %range, 0x7E70000000000000
  %outside = or i1 %small, %large
  %odd.next = or i1 %odd, %outside
  %pivot.more = icmp slt i64 %i.next, %n
  br i1 %pivot.more, label %pivot, label %made
made:
  %nan = fcmp uno double %sum.next, %sum.next
  br i1 %nan, label %bad, label %beyond
beyond:
  %whole = call double @llvm.exp.f64(double %sum.next)
  %signed.whole = fmul double %whole, %sign.next
  %determinant = select i1 %odd.next, double %signed.whole, double %product.next
  %result = select i1 %logarithm, double %sum.next, double %determinant
  br label %good
good:
  %xi = getelementptr $type, ptr %x, i64 %u
  %rounded = $rounded
  store $type %rounded, ptr %xi
  br label %head
bad:
  call void @leave(i1 true)
  call void @refused(ptr %w)
  ret void
out:
  call void @leave(i1 true)
  ret void
}
