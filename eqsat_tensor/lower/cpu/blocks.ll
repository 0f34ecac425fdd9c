; Memory of large results: blocks that have been freed are kept for the next result of that size.
; See blocks.py.  The table: bytes held, a word unused, then slots of (block, bytes).
; Called by NumPy with the GIL held, so one at a time.

declare ptr @malloc(i64)
declare i32 @posix_memalign(ptr, i64, i64)
declare ptr @realloc(ptr, i64)
declare void @free(ptr)
declare i32 @madvise(ptr, i64, i32)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

; Bytes asked of the system for so many bytes of an array: whole pages, unless it is small.
define internal i64 @block_size(i64 %bytes) {
  %small = icmp ult i64 %bytes, $smallest
  %more = add i64 %bytes, 4095
  %pages = and i64 %more, -4096
  %one = call i64 @llvm.umax.i64(i64 %bytes, i64 1)
  %size = select i1 %small, i64 %one, i64 %pages
  ret i64 %size
}
declare i64 @llvm.umax.i64(i64, i64)

; Whole pages on a cache line: a vector that is stored across two takes twice as long.
define internal ptr @aligned(i64 %size) {
  %at = alloca ptr, align 8
  store ptr null, ptr %at
  %status = call i32 @posix_memalign(ptr %at, i64 $line, i64 %size)
  %failed = icmp ne i32 %status, 0
  %found = load ptr, ptr %at
  %block = select i1 %failed, ptr null, ptr %found
  ret ptr %block
}

define ptr @block_malloc(ptr %table, i64 %bytes) {
entry:
  %size = call i64 @block_size(i64 %bytes)
  %small = icmp ult i64 %bytes, $smallest
  br i1 %small, label %plain, label %look
look:
  %i = phi i64 [0, %entry], [%i.next, %other]
  %more = icmp ult i64 %i, $slots
  br i1 %more, label %slot, label %fresh
slot:
  %place = shl i64 %i, 1
  %block.place = add i64 %place, 2
  %block.at = getelementptr i64, ptr %table, i64 %block.place
  %size.at = getelementptr i64, ptr %block.at, i64 1
  %size.here = load i64, ptr %size.at
  %same = icmp eq i64 %size.here, %size
  br i1 %same, label %take, label %other
other:
  %i.next = add i64 %i, 1
  br label %look
take:
  %block = load ptr, ptr %block.at
  store i64 0, ptr %size.at
  %held = load i64, ptr %table
  %left = sub i64 %held, %size
  store i64 %left, ptr %table
  ret ptr %block
fresh:
  %new = call ptr @aligned(i64 %size)
  %none = icmp eq ptr %new, null
  %large = icmp uge i64 %size, 4194304
  %not.none = xor i1 %none, true
  %huge = and i1 %large, %not.none
  br i1 %huge, label %advise, label %out
advise:
  ; as NumPy does: pages of 2 MB where the system gives them to those who ask (14: MADV_HUGEPAGE)
  %address = ptrtoint ptr %new to i64
  %address.up = add i64 %address, 4095
  %page = and i64 %address.up, -4096
  %page.at = inttoptr i64 %page to ptr
  %length = sub i64 %size, 4096
  %e0 = call i32 @madvise(ptr %page.at, i64 %length, i32 14)
  br label %out
out:
  ret ptr %new
plain:
  %little = call ptr @malloc(i64 %size)
  ret ptr %little
}

define ptr @block_calloc(ptr %table, i64 %count, i64 %each) {
entry:
  %bytes = mul i64 %count, %each
  %block = call ptr @block_malloc(ptr %table, i64 %bytes)
  %none = icmp eq ptr %block, null
  br i1 %none, label %out, label %clear
clear:
  call void @llvm.memset.p0.i64(ptr %block, i8 0, i64 %bytes, i1 false)
  br label %out
out:
  ret ptr %block
}

define ptr @block_realloc(ptr %table, ptr %block, i64 %bytes) {
  %size = call i64 @block_size(i64 %bytes)
  %new = call ptr @realloc(ptr %block, i64 %size)
  ret ptr %new
}

define void @block_free(ptr %table, ptr %block, i64 %bytes) {
entry:
  %size = call i64 @block_size(i64 %bytes)
  %small = icmp ult i64 %bytes, $smallest
  %large = icmp ugt i64 %size, $largest
  %none = icmp eq ptr %block, null
  %a = or i1 %small, %large
  %not.kept = or i1 %a, %none
  br i1 %not.kept, label %give.back, label %room
give.back:
  call void @free(ptr %block)
  ret void
room:
  %held = load i64, ptr %table
  %total = add i64 %held, %size
  %fits = icmp ule i64 %total, $limit
  br i1 %fits, label %look, label %drop
drop:
  call void @drop_blocks(ptr %table)
  br label %look
look:
  %i = phi i64 [0, %room], [0, %drop], [%i.next, %other]
  %more = icmp ult i64 %i, $slots
  br i1 %more, label %slot, label %full
slot:
  %place = shl i64 %i, 1
  %block.place = add i64 %place, 2
  %block.at = getelementptr i64, ptr %table, i64 %block.place
  %size.at = getelementptr i64, ptr %block.at, i64 1
  %size.here = load i64, ptr %size.at
  %empty = icmp eq i64 %size.here, 0
  br i1 %empty, label %keep, label %other
other:
  %i.next = add i64 %i, 1
  br label %look
full:
  call void @drop_blocks(ptr %table)
  br label %first
first:
  %first.at = getelementptr i64, ptr %table, i64 2
  %first.size.at = getelementptr i64, ptr %table, i64 3
  br label %keep
keep:
  %to = phi ptr [%block.at, %slot], [%first.at, %first]
  %to.size = phi ptr [%size.at, %slot], [%first.size.at, %first]
  store ptr %block, ptr %to
  store i64 %size, ptr %to.size
  %before = load i64, ptr %table
  %after = add i64 %before, %size
  store i64 %after, ptr %table
  ret void
}

; Every block held goes back to the system.
define void @drop_blocks(ptr %table) {
entry:
  br label %look
look:
  %i = phi i64 [0, %entry], [%i.next, %next]
  %more = icmp ult i64 %i, $slots
  br i1 %more, label %slot, label %out
slot:
  %place = shl i64 %i, 1
  %block.place = add i64 %place, 2
  %block.at = getelementptr i64, ptr %table, i64 %block.place
  %size.at = getelementptr i64, ptr %block.at, i64 1
  %size = load i64, ptr %size.at
  %empty = icmp eq i64 %size, 0
  br i1 %empty, label %next, label %release
release:
  %block = load ptr, ptr %block.at
  call void @free(ptr %block)
  store i64 0, ptr %size.at
  br label %next
next:
  %i.next = add i64 %i, 1
  br label %look
out:
  store i64 0, ptr %table
  ret void
}
