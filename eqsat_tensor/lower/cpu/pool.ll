; The thread pool; see pool.py for the protocol, and for the offsets written as dollar names.

$declare_pause
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_broadcast(ptr)
declare i32 @sched_yield()
declare i32 @nanosleep(ptr, ptr)

; 0 s, 20000 ns
@nap = private constant [2 x i64] [i64 0, i64 20000]

; All as at the start of the process, the loop's number kept; only where no worker lives.
define void @reset(ptr %pool) {
  %mutex = getelementptr i8, ptr %pool, i64 $mutex
  %condition = getelementptr i8, ptr %pool, i64 $condition
  %workers = getelementptr i8, ptr %pool, i64 $workers
  %stop = getelementptr i8, ptr %pool, i64 $stop
  %sleepers = getelementptr i8, ptr %pool, i64 $sleepers
  %busy = getelementptr i8, ptr %pool, i64 $busy
  %e0 = call i32 @pthread_mutex_init(ptr %mutex, ptr null)
  %e1 = call i32 @pthread_cond_init(ptr %condition, ptr null)
  store i64 0, ptr %workers
  store i64 0, ptr %stop
  store i64 0, ptr %sleepers
  store atomic i64 0, ptr %busy release, align 8
  ret void
}

; The next chunk of loop %epoch, or -1.
define internal i64 @claim(ptr %pool, i64 %epoch) {
entry:
  %word = getelementptr i8, ptr %pool, i64 $word
  %chunks = getelementptr i8, ptr %pool, i64 $chunks
  %mine = shl i64 %epoch, 32
  br label %look
look:
  %seen = load atomic i64, ptr %word acquire, align 8
  %number = and i64 %seen, -4294967296
  %same = icmp eq i64 %number, %mine
  br i1 %same, label %compare, label %none
compare:
  %index = and i64 %seen, 4294967295
  %count = load atomic i64, ptr %chunks monotonic, align 8
  %more = icmp ult i64 %index, %count
  br i1 %more, label %take, label %none
take:
  %next = add i64 %seen, 1
  %swap = cmpxchg ptr %word, i64 %seen, i64 %next acq_rel monotonic
  %taken = extractvalue {i64, i1} %swap, 1
  br i1 %taken, label %mine.now, label %look
mine.now:
  ret i64 %index
none:
  ret i64 -1
}

define internal void @drain(ptr %pool, i64 %epoch) {
entry:
  %function.at = getelementptr i8, ptr %pool, i64 $function
  %argument.at = getelementptr i8, ptr %pool, i64 $argument
  %chunks.at = getelementptr i8, ptr %pool, i64 $chunks
  %done.at = getelementptr i8, ptr %pool, i64 $done
  br label %look
look:
  %index = call i64 @claim(ptr %pool, i64 %epoch)
  %any = icmp sge i64 %index, 0
  br i1 %any, label %run, label %out
run:
  %function = load ptr, ptr %function.at
  %argument = load ptr, ptr %argument.at
  %chunks = load atomic i64, ptr %chunks.at monotonic, align 8
  call void %function(ptr %argument, i64 %index, i64 %chunks)
  %before = atomicrmw add ptr %done.at, i64 1 acq_rel
  br label %look
out:
  ret void
}

define void @worker(ptr %pool, i64 %first) {
entry:
  %stop.at = getelementptr i8, ptr %pool, i64 $stop
  %sleepers.at = getelementptr i8, ptr %pool, i64 $sleepers
  %spin.at = getelementptr i8, ptr %pool, i64 $spin
  %mutex = getelementptr i8, ptr %pool, i64 $mutex
  %condition = getelementptr i8, ptr %pool, i64 $condition
  br label %idle
idle:
  %last = phi i64 [%first, %entry], [%epoch, %work]
  %spin = load i64, ptr %spin.at
  br label %watch
watch:
  %turns = phi i64 [0, %idle], [%turns.next, %pause]
  %now = load atomic i64, ptr %pool acquire, align 8
  %new = icmp ne i64 %now, %last
  br i1 %new, label %woken, label %patience
patience:
  %enough = icmp sge i64 %turns, %spin
  br i1 %enough, label %sleep, label %pause
pause:
  $pause
  %turns.next = add i64 %turns, 1
  br label %watch
sleep:
  %e0 = call i32 @pthread_mutex_lock(ptr %mutex)
  %s0 = atomicrmw add ptr %sleepers.at, i64 1 seq_cst
  br label %check
check:
  %now.asleep = load atomic i64, ptr %pool seq_cst, align 8
  %new.asleep = icmp ne i64 %now.asleep, %last
  br i1 %new.asleep, label %rise, label %doze
doze:
  %e1 = call i32 @pthread_cond_wait(ptr %condition, ptr %mutex)
  br label %check
rise:
  %s1 = atomicrmw sub ptr %sleepers.at, i64 1 seq_cst
  %e2 = call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %woken
woken:
  %stop = load atomic i64, ptr %stop.at acquire, align 8
  %stopped = icmp ne i64 %stop, 0
  br i1 %stopped, label %out, label %work
work:
  %epoch = load atomic i64, ptr %pool acquire, align 8
  call void @drain(ptr %pool, i64 %epoch)
  br label %idle
out:
  ret void
}

; Called after the loop's number has changed.
define internal void @wake(ptr %pool) {
entry:
  %sleepers.at = getelementptr i8, ptr %pool, i64 $sleepers
  %mutex = getelementptr i8, ptr %pool, i64 $mutex
  %condition = getelementptr i8, ptr %pool, i64 $condition
  %sleepers = load atomic i64, ptr %sleepers.at seq_cst, align 8
  %any = icmp sgt i64 %sleepers, 0
  br i1 %any, label %call, label %out
call:
  %e0 = call i32 @pthread_mutex_lock(ptr %mutex)
  %e1 = call i32 @pthread_cond_broadcast(ptr %condition)
  %e2 = call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %out
out:
  ret void
}

; No loop runs from here until @release.
define void @reserve(ptr %pool) {
entry:
  %busy.at = getelementptr i8, ptr %pool, i64 $busy
  br label %try
try:
  %was = atomicrmw xchg ptr %busy.at, i64 1 acquire
  %free = icmp eq i64 %was, 0
  br i1 %free, label %out, label %again
again:
  %e0 = call i32 @sched_yield()
  br label %try
out:
  ret void
}

define void @release(ptr %pool) {
  %busy.at = getelementptr i8, ptr %pool, i64 $busy
  store atomic i64 0, ptr %busy.at release, align 8
  ret void
}

; Sends the workers home; the caller has reserved the pool and joins the threads.
define void @dismiss(ptr %pool) {
  %stop.at = getelementptr i8, ptr %pool, i64 $stop
  store atomic i64 1, ptr %stop.at release, align 8
  %epoch = load i64, ptr %pool
  %next = add i64 %epoch, 1
  store atomic i64 %next, ptr %pool seq_cst, align 8
  call void @wake(ptr %pool)
  ret void
}

define void @pfor(ptr %pool, ptr %function, ptr %argument, i64 %chunks) {
entry:
  %workers.at = getelementptr i8, ptr %pool, i64 $workers
  %busy.at = getelementptr i8, ptr %pool, i64 $busy
  %workers = load atomic i64, ptr %workers.at monotonic, align 8
  %alone = icmp eq i64 %workers, 0
  br i1 %alone, label %serial, label %try
try:
  %was = atomicrmw xchg ptr %busy.at, i64 1 acquire
  %taken = icmp ne i64 %was, 0
  br i1 %taken, label %serial, label %parallel
serial:
  %i = phi i64 [0, %entry], [0, %try], [%i.next, %one]
  %more = icmp slt i64 %i, %chunks
  br i1 %more, label %one, label %out
one:
  call void %function(ptr %argument, i64 %i, i64 %chunks)
  %i.next = add i64 %i, 1
  br label %serial
parallel:
  %function.at = getelementptr i8, ptr %pool, i64 $function
  %argument.at = getelementptr i8, ptr %pool, i64 $argument
  %chunks.at = getelementptr i8, ptr %pool, i64 $chunks
  %word.at = getelementptr i8, ptr %pool, i64 $word
  %done.at = getelementptr i8, ptr %pool, i64 $done
  %old = load i64, ptr %pool
  %epoch = add i64 %old, 1
  %open = shl i64 %epoch, 32
  %closed = or i64 %open, 4294967295
  %before = atomicrmw xchg ptr %word.at, i64 %closed seq_cst
  store ptr %function, ptr %function.at
  store ptr %argument, ptr %argument.at
  store atomic i64 %chunks, ptr %chunks.at monotonic, align 8
  store atomic i64 0, ptr %done.at monotonic, align 8
  store atomic i64 %open, ptr %word.at release, align 8
  store atomic i64 %epoch, ptr %pool seq_cst, align 8
  call void @wake(ptr %pool)
  call void @drain(ptr %pool, i64 %epoch)
  br label %wait
wait:
  %turns = phi i64 [0, %parallel], [%turns.next, %pause], [%turns, %nap]
  %done = load atomic i64, ptr %done.at acquire, align 8
  %finished = icmp eq i64 %done, %chunks
  br i1 %finished, label %leave, label %patience
patience:
  %enough = icmp sgt i64 %turns, $patience
  br i1 %enough, label %nap, label %pause
pause:
  $pause
  %turns.next = add i64 %turns, 1
  br label %wait
nap:
  ; asleep, not yielding: an idle core draws the worker that waits for its turn on another one
  %e0 = call i32 @nanosleep(ptr @nap, ptr null)
  br label %wait
leave:
  store atomic i64 0, ptr %busy.at release, align 8
  br label %out
out:
  ret void
}
