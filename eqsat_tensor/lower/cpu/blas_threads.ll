; One thread for the library while any product of ours runs: the first to enter sets it, the last
; to leave sets it back.  @users: a lock, how many are inside, the number of threads before.
@users = external global [3 x i64]
declare i32 @get_threads()
declare void @set_threads(i32)
declare i32 @sched_yield()
define internal void @change(i64 %by) noinline optnone {
entry:
  %count.at = getelementptr i64, ptr @users, i64 1
  %before.at = getelementptr i64, ptr @users, i64 2
  br label %try
try:
  %swap = cmpxchg ptr @users, i64 0, i64 1 acquire monotonic
  %got = extractvalue {i64, i1} %swap, 1
  br i1 %got, label %held, label %again
again:
  %e = call i32 @sched_yield()
  br label %try
held:
  %count = load i64, ptr %count.at
  %now = add i64 %count, %by
  store i64 %now, ptr %count.at
  %sum = add i64 %count, %now
  %edge = icmp eq i64 %sum, 1
  br i1 %edge, label %first.or.last, label %done
first.or.last:
  %is.first = icmp eq i64 %now, 1
  br i1 %is.first, label %first, label %last
first:
  %threads = call i32 @get_threads()
  %wide = sext i32 %threads to i64
  store i64 %wide, ptr %before.at
  call void @set_threads(i32 1)
  br label %done
last:
  %before = load i64, ptr %before.at
  %narrow = trunc i64 %before to i32
  call void @set_threads(i32 %narrow)
  br label %done
done:
  store atomic i64 0, ptr @users release, align 8
  ret void
}
define internal void @enter(i1 %big) {
  br i1 %big, label %yes, label %no
yes:
  call void @change(i64 1)
  br label %no
no:
  ret void
}
define internal void @leave(i1 %big) {
  br i1 %big, label %yes, label %no
yes:
  call void @change(i64 -1)
  br label %no
no:
  ret void
}
