; The native entry; see entry.py for what it does, and for the offsets written as dollar names.  Functions
; that seldom run are optnone: code that is made in a fifth of the time.

@PyArray_Type = external global i8
@PyFloat_Type = external global i8
@PyLong_Type = external global i8
@PyUnicode_Type = external global i8
@_Py_NoneStruct = external global i8
@_Py_NotImplementedStruct = external global i8
@_Py_EllipsisObject = external global i8
declare ptr @PyArray_NewFromDescr(ptr, ptr, i32, ptr, ptr, ptr, i32, ptr)
declare ptr @PyArray_Scalar(ptr, ptr, ptr)
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @PyDataMem_SetHandler(ptr)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare i64 @PyLong_AsLongLongAndOverflow(ptr, ptr)
declare ptr @PyLong_FromLongLong(i64)
declare ptr @PyTuple_New(i64)
declare i32 @PyTuple_SetItem(ptr, i64, ptr)
declare ptr @PyTuple_GetItem(ptr, i64)
declare i64 @PyTuple_Size(ptr)
declare ptr @PyList_New(i64)
declare i32 @PyList_SetItem(ptr, i64, ptr)
declare ptr @PyList_GetItem(ptr, i64)
declare i64 @PyList_Size(ptr)
declare ptr @PyDict_New()
declare i32 @PyDict_SetItem(ptr, ptr, ptr)
declare i32 @PyDict_Next(ptr, ptr, ptr, ptr)
declare i64 @PyDict_Size(ptr)
declare i32 @PyUnicode_Compare(ptr, ptr)
declare void @PyObject_GC_UnTrack(ptr)
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare void @eqsat_drive(ptr, i64, ptr, ptr)

define i64 @try_lock(ptr %busy) {
  %swap = cmpxchg ptr %busy, i64 0, i64 1 acquire monotonic
  %got = extractvalue {i64, i1} %swap, 1
  %result = zext i1 %got to i64
  ret i64 %result
}

define void @unlock(ptr %busy) {
  store atomic i64 0, ptr %busy release, align 8
  ret void
}

; Gives back the first %count states; where %commit, updated ones swap front and back.
define internal void @leave_states(ptr %d, i64 %count, i1 %commit) {
entry:
  %table.at = getelementptr i64, ptr %d, i64 $states
  %table = load ptr, ptr %table.at
  br label %head
head:
  %i = phi i64 [0, %entry], [%i.next, %free]
  %e = phi ptr [%table, %entry], [%e.next, %free]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %one, label %out
one:
  %cell = load ptr, ptr %e
  %updated.at = getelementptr i64, ptr %e, i64 3
  %updated = load i64, ptr %updated.at
  %is.updated = icmp ne i64 %updated, 0
  %swap = and i1 %is.updated, %commit
  br i1 %swap, label %exchange, label %free
exchange:
  %back.at = getelementptr i64, ptr %cell, i64 1
  %front = load i64, ptr %cell
  %back = load i64, ptr %back.at
  store i64 %back, ptr %cell
  store i64 %front, ptr %back.at
  br label %free
free:
  %busy = getelementptr i64, ptr %cell, i64 $cell_busy
  call void @unlock(ptr %busy)
  %size.at = getelementptr i64, ptr %e, i64 1
  %size = load i64, ptr %size.at
  %e.next = getelementptr i64, ptr %e, i64 %size
  %i.next = add i64 %i, 1
  br label %head
out:
  ret void
}

; Most values have one slot, which the caller writes.
define internal void @write_slots(ptr %slots, i64 %count, i64 %value) {
entry:
  br label %head
head:
  %i = phi i64 [0, %entry], [%i.next, %one]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %one, label %out
one:
  %at = getelementptr ptr, ptr %slots, i64 %i
  %slot = load ptr, ptr %at
  store i64 %value, ptr %slot
  %i.next = add i64 %i, 1
  br label %head
out:
  ret void
}

; 0: all locked, their pointers written; 1: another version; 2: one is busy (none stays locked).
define internal i64 @enter_states(ptr %d) {
entry:
  %table.at = getelementptr i64, ptr %d, i64 $states
  %table = load ptr, ptr %table.at
  %count.at = getelementptr i64, ptr %d, i64 $state_count
  %count = load i64, ptr %count.at
  br label %head
head:
  %i = phi i64 [0, %entry], [%i.next, %write]
  %e = phi ptr [%table, %entry], [%e.next, %write]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %one, label %good
one:
  %cell = load ptr, ptr %e
  %busy = getelementptr i64, ptr %cell, i64 $cell_busy
  %got = call i64 @try_lock(ptr %busy)
  %locked = icmp ne i64 %got, 0
  br i1 %locked, label %compare, label %taken
compare:
  %i.next = add i64 %i, 1
  %version.at = getelementptr i64, ptr %cell, i64 2
  %version = load i64, ptr %version.at
  %expected.at = getelementptr i64, ptr %e, i64 2
  %expected = load i64, ptr %expected.at
  %same = icmp eq i64 %version, %expected
  br i1 %same, label %write, label %other
write:
  %fronts.at = getelementptr i64, ptr %e, i64 4
  %fronts = load i64, ptr %fronts.at
  %backs.at = getelementptr i64, ptr %e, i64 5
  %backs = load i64, ptr %backs.at
  %front = load i64, ptr %cell
  %back.at = getelementptr i64, ptr %cell, i64 1
  %back = load i64, ptr %back.at
  %front.slots = getelementptr i64, ptr %e, i64 6
  %back.slots = getelementptr i64, ptr %front.slots, i64 %fronts
  call void @write_slots(ptr %front.slots, i64 %fronts, i64 %front)
  call void @write_slots(ptr %back.slots, i64 %backs, i64 %back)
  %size.at = getelementptr i64, ptr %e, i64 1
  %size = load i64, ptr %size.at
  %e.next = getelementptr i64, ptr %e, i64 %size
  br label %head
good:
  ret i64 0
other:
  call void @leave_states(ptr %d, i64 %i.next, i1 false)
  ret i64 1
taken:
  call void @leave_states(ptr %d, i64 %i, i1 false)
  ret i64 2
}

; Do the arguments fit?  Where %write, what they hold goes to its place on the way: data pointers into
; slots, numbers into cells (of a descriptor that is taken, for else a running call would read them).
define internal i1 @fit(ptr %d, ptr %args, i1 %write) {
entry:
  %overflow = alloca i32
  %count.at = getelementptr i64, ptr %d, i64 $arguments
  %count = load i64, ptr %count.at
  %table.at = getelementptr i64, ptr %d, i64 $inputs
  %table = load ptr, ptr %table.at
  br label %head
head:
  %i = phi i64 [0, %entry], [%i.next, %fits]
  %e = phi ptr [%table, %entry], [%e.next, %fits]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %look, label %yes
look:
  %object.at = getelementptr ptr, ptr %args, i64 %i
  %object = load ptr, ptr %object.at
  %type.at = getelementptr i8, ptr %object, i64 $type
  %type = load ptr, ptr %type.at
  %size.at = getelementptr i64, ptr %e, i64 1
  %size = load i64, ptr %size.at
  %cell.at = getelementptr i64, ptr %e, i64 2
  %kind = load i64, ptr %e
  %is.array.kind = icmp eq i64 %kind, 0
  br i1 %is.array.kind, label %array, label %others
others:
  switch i64 %kind, label %no [ i64 1, label %float  i64 2, label %int  i64 3, label %identity ]
float:
  %is.float = icmp eq ptr %type, @PyFloat_Type
  br i1 %is.float, label %float.fits, label %no
float.fits:
  br i1 %write, label %float.write, label %fits
float.write:
  %value.at = getelementptr i8, ptr %object, i64 $float
  %value = load double, ptr %value.at
  %float.cell = load ptr, ptr %cell.at
  store double %value, ptr %float.cell
  br label %fits
identity:
  %cell = load ptr, ptr %cell.at
  %wanted = load ptr, ptr %cell
  %is.same = icmp eq ptr %object, %wanted
  br i1 %is.same, label %fits, label %no
int:
  %is.int = icmp eq ptr %type, @PyLong_Type
  br i1 %is.int, label %range, label %no
range:
  %number = call i64 @PyLong_AsLongLongAndOverflow(ptr %object, ptr %overflow)
  %over = load i32, ptr %overflow
  %in.range = icmp eq i32 %over, 0
  br i1 %in.range, label %int.fits, label %no
int.fits:
  br i1 %write, label %int.write, label %fits
int.write:
  %int.cell = load ptr, ptr %cell.at
  store i64 %number, ptr %int.cell
  br label %fits
array:
  %is.array = icmp eq ptr %type, @PyArray_Type
  br i1 %is.array, label %fields, label %scalar
scalar:
  ; a NumPy scalar of exactly the dtype, for an array of rank 0: its value lies in the object
  %scalar.type.at = getelementptr i64, ptr %e, i64 7
  %scalar.type = load ptr, ptr %scalar.type.at
  %is.scalar = icmp eq ptr %type, %scalar.type
  br i1 %is.scalar, label %in.object, label %no
in.object:
  %scalar.at = getelementptr i8, ptr %object, i64 $scalar
  %scalar.data = ptrtoint ptr %scalar.at to i64
  br label %array.fits
fields:
  %dtype.at = getelementptr i8, ptr %object, i64 $dtype
  %dtype = load ptr, ptr %dtype.at
  %type.number.at = getelementptr i8, ptr %dtype, i64 $number
  %type.number.32 = load i32, ptr %type.number.at
  %type.number = sext i32 %type.number.32 to i64
  %order.at = getelementptr i8, ptr %dtype, i64 $byteorder
  %order = load i8, ptr %order.at
  %rank.at = getelementptr i8, ptr %object, i64 $rank
  %rank.32 = load i32, ptr %rank.at
  %rank = sext i32 %rank.32 to i64
  %flags.at = getelementptr i8, ptr %object, i64 $flags
  %flags.32 = load i32, ptr %flags.at
  %flags = sext i32 %flags.32 to i64
  %want.number = load i64, ptr %cell.at
  %want.rank.at = getelementptr i64, ptr %e, i64 3
  %want.rank = load i64, ptr %want.rank.at
  %want.flags.at = getelementptr i64, ptr %e, i64 4
  %want.flags = load i64, ptr %want.flags.at
  %has.flags = and i64 %flags, %want.flags
  %same.number = icmp eq i64 %type.number, %want.number
  %same.order = icmp ne i8 %order, $foreign
  %same.rank = icmp eq i64 %rank, %want.rank
  %same.flags = icmp eq i64 %has.flags, %want.flags
  %same.0 = and i1 %same.number, %same.order
  %same.1 = and i1 %same.rank, %same.flags
  %same = and i1 %same.0, %same.1
  br i1 %same, label %sizes, label %no
sizes:
  %dims.at = getelementptr i8, ptr %object, i64 $dims
  %dims = load ptr, ptr %dims.at
  %want.dims = getelementptr i64, ptr %e, i64 8
  %sizes.same = call i1 @equal_words(ptr %dims, ptr %want.dims, i64 %rank)
  %strides.too.at = getelementptr i64, ptr %e, i64 5
  %strides.too = load i64, ptr %strides.too.at
  %no.strides = icmp eq i64 %strides.too, 0
  %plain = and i1 %sizes.same, %no.strides
  br i1 %plain, label %data, label %strided
strided:
  br i1 %sizes.same, label %stride, label %no
stride:
  %strides.at = getelementptr i8, ptr %object, i64 $strides
  %strides = load ptr, ptr %strides.at
  %want.strides = getelementptr i64, ptr %want.dims, i64 %rank
  %same.strides = call i1 @equal_words(ptr %strides, ptr %want.strides, i64 %rank)
  br i1 %same.strides, label %data, label %no
data:
  %data.at = getelementptr i8, ptr %object, i64 $data
  %array.data = load i64, ptr %data.at
  br label %array.fits
array.fits:
  %data.is = phi i64 [%scalar.data, %in.object], [%array.data, %data]
  br i1 %write, label %array.write, label %fits
array.write:
  %slots.n.at = getelementptr i64, ptr %e, i64 6
  %slots.n = load i64, ptr %slots.n.at
  %back = sub i64 %size, %slots.n
  %slots = getelementptr i64, ptr %e, i64 %back
  %one.slot = icmp eq i64 %slots.n, 1
  br i1 %one.slot, label %slot.write, label %slots.write
slot.write:
  %slot = load ptr, ptr %slots
  store i64 %data.is, ptr %slot
  br label %fits
slots.write:
  call void @write_slots(ptr %slots, i64 %slots.n, i64 %data.is)
  br label %fits
fits:
  %i.next = add i64 %i, 1
  %e.next = getelementptr i64, ptr %e, i64 %size
  br label %head
yes:
  ret i1 true
no:
  ret i1 false
}

define internal i1 @equal_words(ptr %a, ptr %b, i64 %count) {
entry:
  br label %head
head:
  %i = phi i64 [0, %entry], [%i.next, %same]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %one, label %yes
one:
  %a.at = getelementptr i64, ptr %a, i64 %i
  %a.is = load i64, ptr %a.at
  %b.at = getelementptr i64, ptr %b, i64 %i
  %b.is = load i64, ptr %b.at
  %equal = icmp eq i64 %a.is, %b.is
  br i1 %equal, label %same, label %no
same:
  %i.next = add i64 %i, 1
  br label %head
yes:
  ret i1 true
no:
  ret i1 false
}

; Do the arguments that must share no memory lie apart?  Those that may be one object, and are, do.
define internal i1 @apart(ptr %d, ptr %args, i64 %count) {
entry:
  %table.at = getelementptr i64, ptr %d, i64 $pairs
  %table = load ptr, ptr %table.at
  br label %head
head:
  %i = phi i64 [0, %entry], [%i.next, %next]
  %e = phi ptr [%table, %entry], [%e.next, %next]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %one, label %yes
one:
  %a.number = load i64, ptr %e
  %b.number.at = getelementptr i64, ptr %e, i64 1
  %b.number = load i64, ptr %b.number.at
  %a.at = getelementptr ptr, ptr %args, i64 %a.number
  %a = load ptr, ptr %a.at
  %b.at = getelementptr ptr, ptr %args, i64 %b.number
  %b = load ptr, ptr %b.at
  %may.coincide.at = getelementptr i64, ptr %e, i64 4
  %may.coincide.is = load i64, ptr %may.coincide.at
  %may.coincide = icmp ne i64 %may.coincide.is, 0
  %same = icmp eq ptr %a, %b
  %coincide = and i1 %same, %may.coincide
  ; what is no array is a NumPy scalar, whose memory nobody else has
  %b.type.at = getelementptr i8, ptr %b, i64 $type
  %b.type = load ptr, ptr %b.type.at
  %b.scalar = icmp ne ptr %b.type, @PyArray_Type
  %good = or i1 %coincide, %b.scalar
  br i1 %good, label %next, label %extents
extents:
  %a.data.at = getelementptr i8, ptr %a, i64 $data
  %a.data = load i64, ptr %a.data.at
  %b.data.at = getelementptr i8, ptr %b, i64 $data
  %b.data = load i64, ptr %b.data.at
  %a.bytes.at = getelementptr i64, ptr %e, i64 2
  %a.bytes = load i64, ptr %a.bytes.at
  %b.bytes.at = getelementptr i64, ptr %e, i64 3
  %b.bytes = load i64, ptr %b.bytes.at
  %a.end = add i64 %a.data, %a.bytes
  %b.end = add i64 %b.data, %b.bytes
  %before = icmp ule i64 %a.end, %b.data
  %behind = icmp ule i64 %b.end, %a.data
  %apart = or i1 %before, %behind
  br i1 %apart, label %next, label %no
next:
  %i.next = add i64 %i, 1
  %e.next = getelementptr i64, ptr %e, i64 $pair_words
  br label %head
yes:
  ret i1 true
no:
  ret i1 false
}

; Makes output arrays (%scalars false) or, after the run, scalars.  False: an exception is set.
define internal i1 @make_outputs(ptr %d, ptr %tuple, ptr %single, i1 %scalars) {
entry:
  %count.at = getelementptr i64, ptr %d, i64 $output_count
  %count = load i64, ptr %count.at
  %table.at = getelementptr i64, ptr %d, i64 $outputs
  %table = load ptr, ptr %table.at
  br label %head
head:
  %i = phi i64 [0, %entry], [%i.next, %done]
  %e = phi ptr [%table, %entry], [%e.next, %done]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %look, label %good
look:
  %size.at = getelementptr i64, ptr %e, i64 1
  %size = load i64, ptr %size.at
  %first.at = getelementptr i64, ptr %e, i64 2
  %second.at = getelementptr i64, ptr %e, i64 3
  %kind = load i64, ptr %e
  %is.scalar = icmp eq i64 %kind, 1
  %now = icmp eq i1 %is.scalar, %scalars
  br i1 %now, label %make, label %done
make:
  br i1 %is.scalar, label %scalar, label %array
scalar:
  %cell = load ptr, ptr %first.at
  %dtype = load ptr, ptr %second.at
  %number = call ptr @PyArray_Scalar(ptr %cell, ptr %dtype, ptr null)
  %no.number = icmp eq ptr %number, null
  br i1 %no.number, label %bad, label %keep
array:
  %array.dtype = load ptr, ptr %first.at
  call void @Py_IncRef(ptr %array.dtype) ; for the array
  %rank = load i64, ptr %second.at
  %rank.32 = trunc i64 %rank to i32
  %dims = getelementptr i64, ptr %e, i64 5
  %made = call ptr @PyArray_NewFromDescr(ptr @PyArray_Type, ptr %array.dtype, i32 %rank.32,
                                         ptr %dims, ptr null, ptr null, i32 0, ptr null)
  %none = icmp eq ptr %made, null
  br i1 %none, label %bad, label %slots
slots:
  %data.at = getelementptr i8, ptr %made, i64 $data
  %data = load i64, ptr %data.at
  %slots.n.at = getelementptr i64, ptr %e, i64 4
  %slots.n = load i64, ptr %slots.n.at
  %slots.at = getelementptr i64, ptr %dims, i64 %rank
  call void @write_slots(ptr %slots.at, i64 %slots.n, i64 %data)
  br label %keep
keep:
  %object = phi ptr [%number, %scalar], [%made, %slots]
  %alone = icmp eq ptr %tuple, null
  br i1 %alone, label %keep.single, label %keep.tuple
keep.single:
  store ptr %object, ptr %single
  br label %done
keep.tuple:
  %set = call i32 @PyTuple_SetItem(ptr %tuple, i64 %i, ptr %object)
  br label %done
done:
  %e.next = getelementptr i64, ptr %e, i64 %size
  %i.next = add i64 %i, 1
  br label %head
good:
  ret i1 true
bad:
  ret i1 false
}

; The arrays among the results, by NumPy's own memory handler or, where large, by ours.
define internal i1 @make_arrays(ptr %d, ptr %tuple, ptr %single) {
entry:
  %handler.at = getelementptr i64, ptr %d, i64 $handler
  %handler = load ptr, ptr %handler.at
  %plain = icmp eq ptr %handler, null
  br i1 %plain, label %as.usual, label %change
as.usual:
  %made = call i1 @make_outputs(ptr %d, ptr %tuple, ptr %single, i1 false)
  ret i1 %made
change:
  %old = call ptr @PyDataMem_SetHandler(ptr %handler)
  %refused = icmp eq ptr %old, null
  br i1 %refused, label %bad, label %make
make:
  %good = call i1 @make_outputs(ptr %d, ptr %tuple, ptr %single, i1 false)
  %ours = call ptr @PyDataMem_SetHandler(ptr %old)
  call void @Py_DecRef(ptr %old)
  %lost = icmp eq ptr %ours, null
  br i1 %lost, label %bad, label %changed.back
changed.back:
  call void @Py_DecRef(ptr %ours)
  ret i1 %good
bad:
  ret i1 false
}

; The index of the first check that failed, or -1.
define internal i64 @failed_check(ptr %d) noinline optnone {
entry:
  %count.at = getelementptr i64, ptr %d, i64 $check_count
  %count = load i64, ptr %count.at
  %table.at = getelementptr i64, ptr %d, i64 $checks
  %table = load ptr, ptr %table.at
  br label %head
head:
  %i = phi i64 [0, %entry], [%i.next, %one]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %one, label %none
one:
  %at = getelementptr ptr, ptr %table, i64 %i
  %cell = load ptr, ptr %at
  %byte = load i8, ptr %cell
  %bad = icmp eq i8 %byte, 0
  %i.next = add i64 %i, 1
  br i1 %bad, label %found, label %head
found:
  ret i64 %i
none:
  ret i64 -1
}

; What check_failed(index, *args) gives: as a rule an exception.
define internal ptr @report(ptr %function, i64 %index, ptr %args, i64 %count) noinline optnone {
entry:
  %all = add i64 %count, 1
  %array = alloca ptr, i64 %all
  %number = call ptr @PyLong_FromLongLong(i64 %index)
  %none = icmp eq ptr %number, null
  br i1 %none, label %bad, label %copy
copy:
  store ptr %number, ptr %array
  br label %head
head:
  %i = phi i64 [0, %copy], [%i.next, %one]
  %more = icmp slt i64 %i, %count
  %i.next = add i64 %i, 1
  br i1 %more, label %one, label %call
one:
  %from = getelementptr ptr, ptr %args, i64 %i
  %object = load ptr, ptr %from
  %to = getelementptr ptr, ptr %array, i64 %i.next
  store ptr %object, ptr %to
  br label %head
call:
  call void @Py_IncRef(ptr %function)
  %result = call ptr @PyObject_Vectorcall(ptr %function, ptr %array, i64 %all, ptr null)
  call void @Py_DecRef(ptr %function)
  call void @Py_DecRef(ptr %number)
  ret ptr %result
bad:
  ret ptr null
}

; 0: does not fit; 2: fits, but is busy; 1: has run (or failed): %result is what the call returns,
; and %tuple, made by the caller where the width is that of a tuple, has been used up.
; The caller holds the GIL, so a word is taken by a plain store.
define internal i64 @attempt(ptr %d, ptr %args, ptr %tuple, ptr %result) {
entry:
  %busy.at = getelementptr i64, ptr %d, i64 $busy
  %busy = load i64, ptr %busy.at
  %is.free = icmp eq i64 %busy, 0
  %states.at = getelementptr i64, ptr %d, i64 $state_count
  %states = load i64, ptr %states.at
  %stateless = icmp eq i64 %states, 0
  %at.once = and i1 %is.free, %stateless
  %fits = call i1 @fit(ptr %d, ptr %args, i1 %at.once)
  %pair.count.at = getelementptr i64, ptr %d, i64 $pair_count
  %pair.count = load i64, ptr %pair.count.at
  %no.pairs = icmp eq i64 %pair.count, 0
  %go = and i1 %fits, %is.free
  br i1 %go, label %places, label %not.now
places:
  br i1 %no.pairs, label %take, label %pairs
pairs:
  %lie.apart = call i1 @apart(ptr %d, ptr %args, i64 %pair.count)
  br i1 %lie.apart, label %take, label %unfit
not.now:
  br i1 %fits, label %taken, label %unfit
take:
  br i1 %stateless, label %fill, label %state
state:
  %entered = call i64 @enter_states(ptr %d)
  %ready = icmp eq i64 %entered, 0
  br i1 %ready, label %place, label %back.out
place:
  ; after the states: an argument may stand for one of them
  %placed = call i1 @fit(ptr %d, ptr %args, i1 true)
  br label %fill
back.out:
  %other = icmp eq i64 %entered, 1
  br i1 %other, label %unfit, label %taken
fill:
  store i64 1, ptr %busy.at
  store ptr null, ptr %result
  %array.count.at = getelementptr i64, ptr %d, i64 $array_count
  %array.count = load i64, ptr %array.count.at
  %no.arrays = icmp eq i64 %array.count, 0
  br i1 %no.arrays, label %run, label %arrays
arrays:
  %arrays.made = call i1 @make_arrays(ptr %d, ptr %tuple, ptr %result)
  br i1 %arrays.made, label %run, label %fail
run:
  %steps.at = getelementptr i64, ptr %d, i64 $steps
  %steps = load ptr, ptr %steps.at
  %step.count.at = getelementptr i64, ptr %d, i64 $step_count
  %step.count = load i64, ptr %step.count.at
  %gil.at = getelementptr i64, ptr %d, i64 $release_gil
  %gil = load i64, ptr %gil.at
  %pool.at = getelementptr i64, ptr %d, i64 $pool
  %pool = load ptr, ptr %pool.at
  %pfor.at = getelementptr i64, ptr %d, i64 $pfor
  %pfor = load ptr, ptr %pfor.at
  %short = icmp eq i64 %gil, 0
  br i1 %short, label %run.held, label %run.free
run.free:
  %thread = call ptr @PyEval_SaveThread()
  call void @eqsat_drive(ptr %steps, i64 %step.count, ptr %pool, ptr %pfor)
  call void @PyEval_RestoreThread(ptr %thread)
  br label %check
run.held:
  call void @eqsat_drive(ptr %steps, i64 %step.count, ptr %pool, ptr %pfor)
  br label %check
check:
  %check.count.at = getelementptr i64, ptr %d, i64 $check_count
  %check.count = load i64, ptr %check.count.at
  %no.checks = icmp eq i64 %check.count, 0
  br i1 %no.checks, label %finish, label %checks
checks:
  %bad = call i64 @failed_check(ptr %d)
  %sound = icmp slt i64 %bad, 0
  br i1 %sound, label %finish, label %unsound
finish:
  %output.count.at = getelementptr i64, ptr %d, i64 $output_count
  %output.count = load i64, ptr %output.count.at
  %no.scalars = icmp eq i64 %output.count, %array.count
  br i1 %no.scalars, label %commit, label %numbers
numbers:
  %scalars = call i1 @make_outputs(ptr %d, ptr %tuple, ptr %result, i1 true)
  br i1 %scalars, label %commit, label %fail
commit:
  br i1 %stateless, label %committed, label %commit.states
commit.states:
  call void @leave_states(ptr %d, i64 %states, i1 true)
  br label %committed
committed:
  store i64 0, ptr %busy.at
  %width.at = getelementptr i64, ptr %d, i64 $width
  %width = load i64, ptr %width.at
  %is.single = icmp eq i64 %width, $SINGLE
  br i1 %is.single, label %given, label %give
give:
  ; of LAST the caller knows what is returned
  %is.tuple = icmp sge i64 %width, 0
  br i1 %is.tuple, label %give.tuple, label %give.none
give.tuple:
  store ptr %tuple, ptr %result
  ret i64 1
give.none:
  call void @Py_IncRef(ptr @_Py_NoneStruct)
  store ptr @_Py_NoneStruct, ptr %result
  ret i64 1
given:
  ret i64 1
unsound:
  %report.at = getelementptr i64, ptr %d, i64 $check_failed
  %report = load ptr, ptr %report.at
  br label %drop
fail:
  br label %drop
drop:
  %then = phi ptr [%report, %unsound], [null, %fail]
  %index = phi i64 [%bad, %unsound], [0, %fail]
  %given.count.at = getelementptr i64, ptr %d, i64 $arguments
  %given.count = load i64, ptr %given.count.at
  call void @leave_states(ptr %d, i64 %states, i1 false)
  store i64 0, ptr %busy.at
  %single = load ptr, ptr %result
  call void @Py_DecRef(ptr %single)
  call void @Py_DecRef(ptr %tuple)
  store ptr null, ptr %result
  %silent = icmp eq ptr %then, null
  br i1 %silent, label %given, label %tell
tell:
  %answer = call ptr @report(ptr %then, i64 %index, ptr %args, i64 %given.count)
  store ptr %answer, ptr %result
  ret i64 1
unfit:
  ret i64 0
taken:
  ret i64 2
}

; As `attempt`, for arguments as the caller gave them; 0 where they are of another form.
define internal i64 @attempt_call(ptr %d, ptr %args, i64 %count, ptr %keywords, i64 %width,
                                  ptr %tuple, ptr %result) {
entry:
  %width.at = getelementptr i64, ptr %d, i64 $width
  %width.here = load i64, ptr %width.at
  %same.width = icmp eq i64 %width.here, %width
  %is.last = icmp eq i64 %width.here, $LAST
  %known = or i1 %same.width, %is.last
  br i1 %known, label %form, label %unfit
form:
  %arguments.at = getelementptr i64, ptr %d, i64 $arguments
  %arguments = load i64, ptr %arguments.at
  %form.at = getelementptr i64, ptr %d, i64 $form
  %form.is = load ptr, ptr %form.at
  %named.at = getelementptr i64, ptr %d, i64 $named
  %named = load i64, ptr %named.at
  %flat = icmp eq ptr %form.is, null
  br i1 %flat, label %plain, label %nested
nested:
  %nested.status = call i64 @attempt_nested(ptr %d, ptr %args, i64 %count, ptr %keywords,
                                            i64 %arguments, ptr %tuple, ptr %result)
  %ran = icmp eq i64 %nested.status, 1
  %exchange = and i1 %ran, %is.last
  br i1 %exchange, label %last, label %nested.done
last:
  ; the caller holds the argument; nothing (an exception is set) stays nothing
  %made = load ptr, ptr %result
  %failed = icmp eq ptr %made, null
  br i1 %failed, label %nested.done, label %give.last
give.last:
  call void @Py_DecRef(ptr %made)
  call void @Py_DecRef(ptr %tuple)
  %all = add i64 %count, %named
  %last.number = sub i64 %all, 1
  %last.at = getelementptr ptr, ptr %args, i64 %last.number
  %last.is = load ptr, ptr %last.at
  call void @Py_IncRef(ptr %last.is)
  store ptr %last.is, ptr %result
  br label %nested.done
nested.done:
  ret i64 %nested.status
plain:
  %same.count = icmp eq i64 %arguments, %count
  %no.names = icmp eq ptr %keywords, null
  %same = and i1 %same.count, %no.names
  br i1 %same, label %try, label %unfit
try:
  %status = call i64 @attempt(ptr %d, ptr %args, ptr %tuple, ptr %result)
  ret i64 %status
unfit:
  ret i64 0
}

; A tuple that the collector does not see: it will hold arrays and numbers only.
define internal ptr @new_tuple(i64 %width) {
entry:
  %tuple = call ptr @PyTuple_New(i64 %width)
  %none = icmp eq ptr %tuple, null
  br i1 %none, label %out, label %made
made:
  call void @PyObject_GC_UnTrack(ptr %tuple)
  br label %out
out:
  ret ptr %tuple
}

define ptr @vectorcall(ptr %self, ptr %args, i64 %nargsf, ptr %keywords) {
entry:
  %result = alloca ptr
  %count = and i64 %nargsf, 9223372036854775807
  %head.at = getelementptr i8, ptr %self, i64 $head
  %width.at = getelementptr i8, ptr %self, i64 $self_width
  %width = load i64, ptr %width.at
  %is.tuple = icmp sge i64 %width, 0
  br i1 %is.tuple, label %make, label %start
make:
  %made = call ptr @new_tuple(i64 %width)
  %none = icmp eq ptr %made, null
  br i1 %none, label %bad, label %start
start:
  %tuple = phi ptr [null, %entry], [%made, %make]
  %first = load ptr, ptr %head.at
  br label %look
look:
  %d = phi ptr [%first, %start], [%d.next, %try]
  %end = icmp eq ptr %d, null
  br i1 %end, label %surrender, label %try
try:
  ; before, for a report may run Python, and so free %d
  %d.next = load ptr, ptr %d
  %finish.at = getelementptr i64, ptr %d, i64 $finish
  %finish = load ptr, ptr %finish.at
  %nest.at = getelementptr i64, ptr %d, i64 $nest
  %nest = load ptr, ptr %nest.at
  %status = call i64 @attempt_call(ptr %d, ptr %args, i64 %count, ptr %keywords, i64 %width,
                                   ptr %tuple, ptr %result)
  %ran = icmp eq i64 %status, 1
  br i1 %ran, label %done, label %look
done:
  %value = load ptr, ptr %result
  %finish.or.nest = ptrtoint ptr %finish to i64
  %nest.word = ptrtoint ptr %nest to i64
  %any = or i64 %finish.or.nest, %nest.word
  %as.is = icmp eq i64 %any, 0
  br i1 %as.is, label %out, label %wrap
out:
  ret ptr %value
wrap:
  %finished = call ptr @finished(ptr %nest, ptr %finish, ptr %value)
  ret ptr %finished
surrender:
  call void @Py_DecRef(ptr %tuple)
  %slow.at = getelementptr i8, ptr %self, i64 $slow
  %function = load ptr, ptr %slow.at
  %answer = call ptr @PyObject_Vectorcall(ptr %function, ptr %args, i64 %nargsf, ptr %keywords)
  ret ptr %answer
bad:
  ret ptr null
}

; One descriptor alone, given its leaves: NotImplemented where they do not fit, Ellipsis where it is
; busy.
define ptr @run(ptr %d, ptr %leaves, i64 %count) noinline optnone {
entry:
  %result = alloca ptr
  %width.at = getelementptr i64, ptr %d, i64 $width
  %width = load i64, ptr %width.at
  %is.tuple = icmp sge i64 %width, 0
  br i1 %is.tuple, label %make, label %try
make:
  %made = call ptr @new_tuple(i64 %width)
  %none = icmp eq ptr %made, null
  br i1 %none, label %bad, label %try
try:
  %tuple = phi ptr [null, %entry], [%made, %make]
  %finish.at = getelementptr i64, ptr %d, i64 $finish
  %finish = load ptr, ptr %finish.at
  %nest.at = getelementptr i64, ptr %d, i64 $nest
  %nest = load ptr, ptr %nest.at
  %arguments.at = getelementptr i64, ptr %d, i64 $arguments
  %arguments = load i64, ptr %arguments.at
  %same.count = icmp eq i64 %arguments, %count
  br i1 %same.count, label %attempted, label %did.not
attempted:
  %tried = call i64 @attempt(ptr %d, ptr %leaves, ptr %tuple, ptr %result)
  %ran = icmp eq i64 %tried, 1
  br i1 %ran, label %done, label %did.not
done:
  %value = load ptr, ptr %result
  %finished = call ptr @finished(ptr %nest, ptr %finish, ptr %value)
  ret ptr %finished
did.not:
  %status = phi i64 [0, %try], [%tried, %attempted]
  call void @Py_DecRef(ptr %tuple)
  %unfit = icmp eq i64 %status, 0
  %why = select i1 %unfit, ptr @_Py_NotImplementedStruct, ptr @_Py_EllipsisObject
  call void @Py_IncRef(ptr %why)
  ret ptr %why
bad:
  ret ptr null
}
