; A matrix times its own transpose: half is computed, half copied; see symmetric.py.

declare void @syrk(ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr)
@upper = private constant i8 85

; The lower triangle of row-major C[n, n] = op(A) op(A)', alpha and beta being those of the product:
; to Fortran the upper one.
define internal void @triangle(ptr %w, ptr %a, ptr %c, i64 %n, i64 %k, i64 %ldc) {
entry:
  %n.at = alloca i64
  store i64 %n, ptr %n.at
  %k.at = alloca i64
  store i64 %k, ptr %k.at
  %ldc.at = alloca i64
  store i64 %ldc, ptr %ldc.at
  %lda.at = getelementptr i64, ptr %w, i64 $lda
  %ta.at = getelementptr i64, ptr %w, i64 $transpose_a
  %ta = load i64, ptr %ta.at
  %plain = icmp eq i64 %ta, 78
  %flag = select i1 %plain, ptr @transposed, ptr @normal
  %alpha.at = getelementptr i64, ptr %w, i64 $alpha
  %alpha = load ptr, ptr %alpha.at
  %beta.at = getelementptr i64, ptr %w, i64 $beta
  %beta = load ptr, ptr %beta.at
  call void @enter(i1 true)
  call void @syrk(ptr @upper, ptr %flag, ptr %n.at, ptr %k.at, ptr %alpha, ptr %a, ptr %lda.at,
                  ptr %beta, ptr %c, ptr %ldc.at)
  call void @leave(i1 true)
  ret void
}

; C[j, i] = C[i, j] for the rows i and columns j of a block, where j < i: eight columns at a time,
; so that what is written lies on eight lines.
define internal void @mirror(ptr %c, i64 %ldc, i64 %r0, i64 %r1, i64 %c0, i64 %c1) {
entry:
  br label %strips
strips:
  %s = phi i64 [%c0, %entry], [%s.next, %strip.done]
  %s.more = icmp slt i64 %s, %c1
  br i1 %s.more, label %strip, label %out
strip:
  %s.next = add i64 %s, 8
  %s.end = call i64 @llvm.smin.i64(i64 %s.next, i64 %c1)
  br label %lines
lines:
  %i = phi i64 [%r0, %strip], [%i.next, %line.done]
  %line.more = icmp slt i64 %i, %r1
  br i1 %line.more, label %line, label %strip.done
line:
  %end = call i64 @llvm.smin.i64(i64 %s.end, i64 %i)
  %from.o = mul i64 %i, %ldc
  %from = getelementptr $type, ptr %c, i64 %from.o
  %to = getelementptr $type, ptr %c, i64 %i
  br label %elements
elements:
  %j = phi i64 [%s, %line], [%j.next, %element]
  %element.more = icmp slt i64 %j, %end
  br i1 %element.more, label %element, label %line.done
element:
  %from.j = getelementptr $type, ptr %from, i64 %j
  %value = load $type, ptr %from.j
  %to.o = mul i64 %j, %ldc
  %to.j = getelementptr $type, ptr %to, i64 %to.o
  store $type %value, ptr %to.j
  %j.next = add i64 %j, 1
  br label %elements
line.done:
  %i.next = add i64 %i, 1
  br label %lines
strip.done:
  br label %strips
out:
  ret void
}

; Units are pairs of blocks of rows, (0, 0), (1, 0), (1, 1), (2, 0), ...: one block of C each.
define void @pairs(ptr %w, i64 %begin, i64 %end) {
entry:
$loads
  %plain.a = icmp eq i64 %transpose_a, 78
  %row.a = select i1 %plain.a, i64 %lda, i64 1
  %plain.b = icmp eq i64 %transpose_b, 78
  %column.b = select i1 %plain.b, i64 1, i64 %ldb
  br label %units
units:
  %u = phi i64 [%begin, %entry], [%u.next, %done]
  %more = icmp slt i64 %u, %end
  br i1 %more, label %find, label %out
find:
  %row = phi i64 [0, %units], [%row.next, %below]
  %rest = phi i64 [%u, %units], [%rest.next, %below]
  %inside = icmp sle i64 %rest, %row
  br i1 %inside, label %found, label %below
below:
  %row.next = add i64 %row, 1
  %rest.next = sub i64 %rest, %row.next
  br label %find
found:
  %r0 = mul i64 %row, %edge
  %r0.next = add i64 %r0, %edge
  %r1 = call i64 @llvm.smin.i64(i64 %r0.next, i64 %m)
  %c0 = mul i64 %rest, %edge
  %c0.next = add i64 %c0, %edge
  %c1 = call i64 @llvm.smin.i64(i64 %c0.next, i64 %m)
  %rows = sub i64 %r1, %r0
  %columns = sub i64 %c1, %c0
  %ao = mul i64 %r0, %row.a
  %ai = getelementptr $type, ptr %a, i64 %ao
  %line = mul i64 %r0, %ldc
  %co = add i64 %line, %c0
  %ci = getelementptr $type, ptr %c, i64 %co
  %diagonal = icmp eq i64 %row, %rest
  br i1 %diagonal, label %on, label %off
on:
  call void @triangle(ptr %w, ptr %ai, ptr %ci, i64 %rows, i64 %k, i64 %ldc)
  br label %done
off:
  %bo = mul i64 %c0, %column.b
  %bi = getelementptr $type, ptr %b, i64 %bo
  call void @product(ptr %w, ptr %ai, ptr %bi, ptr %ci, ptr null, i64 %rows, i64 %columns)
  br label %done
done:
  call void @mirror(ptr %c, i64 %ldc, i64 %r0, i64 %r1, i64 %c0, i64 %c1)
  %u.next = add i64 %u, 1
  br label %units
out:
  ret void
}

; Units are pieces of the long axis: the lower triangle of each piece's product into its own part.
define void @pieces(ptr %w, i64 %begin, i64 %end) {
entry:
$loads
  %plain = icmp eq i64 %transpose_a, 78
  %step = select i1 %plain, i64 1, i64 %lda
  %area = mul i64 %m, %m
  br label %head
head:
  %u = phi i64 [%begin, %entry], [%u.next, %piece]
  %more = icmp slt i64 %u, %end
  br i1 %more, label %piece, label %out
piece:
  %u.next = add i64 %u, 1
  %low.all = mul i64 %u, %k
  %low = udiv i64 %low.all, %pieces
  %high.all = mul i64 %u.next, %k
  %high = udiv i64 %high.all, %pieces
  %length = sub i64 %high, %low
  %ao = mul i64 %low, %step
  %ai = getelementptr $type, ptr %a, i64 %ao
  %po = mul i64 %u, %area
  %pi = getelementptr $type, ptr %parts, i64 %po
  call void @triangle(ptr %w, ptr %ai, ptr %pi, i64 %m, i64 %length, i64 %m)
  br label %head
out:
  ret void
}

; Units are blocks of $strip rows of C: the sum of all parts, in order, up to the diagonal; and its
; mirror image.
define void @sums(ptr %w, i64 %begin, i64 %end) {
entry:
$loads
  %area = mul i64 %m, %m
  br label %blocks
blocks:
  %u = phi i64 [%begin, %entry], [%u.next, %block.done]
  %more = icmp slt i64 %u, %end
  br i1 %more, label %block, label %out
block:
  %r0 = mul i64 %u, $strip
  %r0.next = add i64 %r0, $strip
  %r1 = call i64 @llvm.smin.i64(i64 %r0.next, i64 %m)
  br label %lines
lines:
  %i = phi i64 [%r0, %block], [%i.next, %line.done]
  %line.more = icmp slt i64 %i, %r1
  br i1 %line.more, label %line, label %block.done
line:
  %from.o = mul i64 %i, %m
  %from = getelementptr $type, ptr %parts, i64 %from.o
  %to.o = mul i64 %i, %ldc
  %to = getelementptr $type, ptr %c, i64 %to.o
  br label %wides
wides:
  %v = phi i64 [0, %line], [%v.next, %wide.done]
  %wide.more = icmp slt i64 %v, %r0
  br i1 %wide.more, label %wide, label %rest
wide:
  %from.v = getelementptr $type, ptr %from, i64 %v
  %first.v = load <16 x $type>, ptr %from.v, align $size
  br label %wide.sum
wide.sum:
  %q = phi i64 [1, %wide], [%q.next, %wide.add]
  %sum.v = phi <16 x $type> [%first.v, %wide], [%sum.next, %wide.add]
  %wide.parts = icmp slt i64 %q, %pieces
  br i1 %wide.parts, label %wide.add, label %wide.done
wide.add:
  %qo = mul i64 %q, %area
  %part.v = getelementptr $type, ptr %from.v, i64 %qo
  %next.v = load <16 x $type>, ptr %part.v, align $size
  %sum.next = fadd <16 x $type> %sum.v, %next.v
  %q.next = add i64 %q, 1
  br label %wide.sum
wide.done:
  %to.v = getelementptr $type, ptr %to, i64 %v
  store <16 x $type> %sum.v, ptr %to.v, align $size
  %v.next = add i64 %v, 16
  br label %wides
rest:
  %j = phi i64 [%r0, %wides], [%j.next, %one.done]
  %one.more = icmp sle i64 %j, %i
  br i1 %one.more, label %one, label %line.done
one:
  %from.j = getelementptr $type, ptr %from, i64 %j
  %first.j = load $type, ptr %from.j
  br label %one.sum
one.sum:
  %p = phi i64 [1, %one], [%p.next, %one.add]
  %sum.j = phi $type [%first.j, %one], [%sum.j.next, %one.add]
  %one.parts = icmp slt i64 %p, %pieces
  br i1 %one.parts, label %one.add, label %one.done
one.add:
  %po = mul i64 %p, %area
  %part.j = getelementptr $type, ptr %from.j, i64 %po
  %next.j = load $type, ptr %part.j
  %sum.j.next = fadd $type %sum.j, %next.j
  %p.next = add i64 %p, 1
  br label %one.sum
one.done:
  %to.j = getelementptr $type, ptr %to, i64 %j
  store $type %sum.j, ptr %to.j
  %j.next = add i64 %j, 1
  br label %rest
line.done:
  %i.next = add i64 %i, 1
  br label %lines
block.done:
  call void @mirror(ptr %c, i64 %ldc, i64 %r0, i64 %r1, i64 0, i64 %r1)
  %u.next = add i64 %u, 1
  br label %blocks
out:
  ret void
}
