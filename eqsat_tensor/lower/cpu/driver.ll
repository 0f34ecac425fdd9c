; The walk over a program's steps; see driver.py.

define internal void @chunk(ptr %step, i64 %index, i64 %chunks) {
  %kernel = load ptr, ptr %step
  %argument.at = getelementptr i64, ptr %step, i64 1
  %argument = load ptr, ptr %argument.at
  %units.at = getelementptr i64, ptr %step, i64 2
  %units = load i64, ptr %units.at
  %mask.at = getelementptr i64, ptr %step, i64 4
  %mask = load i64, ptr %mask.at
  %low = mul i64 %index, %units
  %low.share = udiv i64 %low, %chunks
  %begin = and i64 %low.share, %mask
  %next = add i64 %index, 1
  %high = mul i64 %next, %units
  %high.share = udiv i64 %high, %chunks
  %high.round = and i64 %high.share, %mask
  %last = icmp eq i64 %next, %chunks
  %end = select i1 %last, i64 %units, i64 %high.round
  call void %kernel(ptr %argument, i64 %begin, i64 %end)
  ret void
}

define void @group(ptr %argument, i64 %begin, i64 %end) {
entry:
  %count = load i64, ptr %argument
  %members = getelementptr i64, ptr %argument, i64 1
  br label %block
block:
  %t = phi i64 [%begin, %entry], [%t.next, %block.done]
  %block.more = icmp slt i64 %t, %end
  br i1 %block.more, label %member, label %out
member:
  %k = phi i64 [0, %block], [%k.next, %run]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %run, label %block.done
run:
  %offset = mul i64 %k, 4
  %kernel.at = getelementptr i64, ptr %members, i64 %offset
  %kernel = load ptr, ptr %kernel.at
  %inner.at = getelementptr i64, ptr %kernel.at, i64 1
  %inner = load ptr, ptr %inner.at
  %units.at = getelementptr i64, ptr %kernel.at, i64 2
  %units = load i64, ptr %units.at
  %size.at = getelementptr i64, ptr %kernel.at, i64 3
  %size = load i64, ptr %size.at
  %low = mul i64 %t, %size
  %high.full = add i64 %low, %size
  %short = icmp slt i64 %units, %high.full
  %high = select i1 %short, i64 %units, i64 %high.full
  call void %kernel(ptr %inner, i64 %low, i64 %high)
  %k.next = add i64 %k, 1
  br label %member
block.done:
  %t.next = add i64 %t, 1
  br label %block
out:
  ret void
}

define void @drive(ptr %steps, i64 %count, ptr %pool, ptr %pfor) {
entry:
  br label %head
head:
  %k = phi i64 [0, %entry], [%k.next, %next]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %body, label %out
body:
  %offset = mul i64 %k, 5
  %step = getelementptr i64, ptr %steps, i64 %offset
  %chunks.at = getelementptr i64, ptr %step, i64 3
  %chunks = load i64, ptr %chunks.at
  %whole = icmp sle i64 %chunks, 1
  br i1 %whole, label %serial, label %parallel
serial:
  %kernel = load ptr, ptr %step
  %argument.at = getelementptr i64, ptr %step, i64 1
  %argument = load ptr, ptr %argument.at
  %units.at = getelementptr i64, ptr %step, i64 2
  %units = load i64, ptr %units.at
  call void %kernel(ptr %argument, i64 0, i64 %units)
  br label %next
parallel:
  call void %pfor(ptr %pool, ptr @chunk, ptr %step, i64 %chunks)
  br label %next
next:
  %k.next = add i64 %k, 1
  br label %head
out:
  ret void
}
