; Nests of arguments and results, as entry.py says their words; a part of the module of entry.ll.

; The leaves of one argument, as the words of its nest say (see entry.py), each to its place in
; %leaves; false where the nest is another.  %words is moved on.  Runs no Python code.
define internal i1 @unfold(ptr %words.at, ptr %object, ptr %leaves) {
entry:
  %position = alloca i64
  %key.at = alloca ptr
  %value.at = alloca ptr
  %words = load ptr, ptr %words.at
  %kind = load i64, ptr %words
  %first.at = getelementptr i64, ptr %words, i64 1
  %first = load i64, ptr %first.at
  %count.at = getelementptr i64, ptr %words, i64 2
  %type.at = getelementptr i8, ptr %object, i64 $type
  %type = load ptr, ptr %type.at
  switch i64 %kind, label %no [ i64 $LEAF, label %leaf  i64 $ABSENT, label %absent
                                i64 $TUPLE, label %container  i64 $LIST, label %container
                                i64 $DICT, label %container ]
leaf:
  %leaf.at = getelementptr ptr, ptr %leaves, i64 %first
  store ptr %object, ptr %leaf.at
  store ptr %count.at, ptr %words.at
  ret i1 true
absent:
  %is.none = icmp eq ptr %object, @_Py_NoneStruct
  store ptr %count.at, ptr %words.at
  ret i1 %is.none
container:
  %want.type = inttoptr i64 %first to ptr
  %same.type = icmp eq ptr %type, %want.type
  br i1 %same.type, label %sizes, label %no
sizes:
  %count = load i64, ptr %count.at
  %items.at = getelementptr i64, ptr %words, i64 3
  store ptr %items.at, ptr %words.at
  store i64 0, ptr %position
  switch i64 %kind, label %tuple.size [ i64 $LIST, label %list.size  i64 $DICT, label %dict.size ]
tuple.size:
  %tuple.n = call i64 @PyTuple_Size(ptr %object)
  br label %compare
list.size:
  %list.n = call i64 @PyList_Size(ptr %object)
  br label %compare
dict.size:
  %dict.n = call i64 @PyDict_Size(ptr %object)
  br label %compare
compare:
  %n = phi i64 [%tuple.n, %tuple.size], [%list.n, %list.size], [%dict.n, %dict.size]
  %same.n = icmp eq i64 %n, %count
  br i1 %same.n, label %head, label %no
head:
  %i = phi i64 [0, %compare], [%i.next, %child.fits]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %child, label %yes
child:
  switch i64 %kind, label %of.tuple [ i64 $LIST, label %of.list  i64 $DICT, label %of.dict ]
of.tuple:
  %tuple.item = call ptr @PyTuple_GetItem(ptr %object, i64 %i)
  br label %visit
of.list:
  %list.item = call ptr @PyList_GetItem(ptr %object, i64 %i)
  br label %visit
of.dict:
  %there = call i32 @PyDict_Next(ptr %object, ptr %position, ptr %key.at, ptr %value.at)
  %is.there = icmp ne i32 %there, 0
  br i1 %is.there, label %name, label %no
name:
  %key = load ptr, ptr %key.at
  %names = load ptr, ptr %words.at
  %want.key = load ptr, ptr %names
  %after.key = getelementptr i64, ptr %names, i64 1
  store ptr %after.key, ptr %words.at
  %same.key = call i1 @same_name(ptr %key, ptr %want.key)
  br i1 %same.key, label %dict.value, label %no
dict.value:
  %dict.item = load ptr, ptr %value.at
  br label %visit
visit:
  %item = phi ptr [%tuple.item, %of.tuple], [%list.item, %of.list], [%dict.item, %dict.value]
  %item.fits = call i1 @unfold(ptr %words.at, ptr %item, ptr %leaves)
  br i1 %item.fits, label %child.fits, label %no
child.fits:
  %i.next = add i64 %i, 1
  br label %head
yes:
  ret i1 true
no:
  ret i1 false
}

; One object, or two equal texts (of exactly that type, so no Python code is asked).
define internal i1 @same_name(ptr %a, ptr %b) {
entry:
  %same = icmp eq ptr %a, %b
  br i1 %same, label %yes, label %types
types:
  %a.type.at = getelementptr i8, ptr %a, i64 $type
  %a.type = load ptr, ptr %a.type.at
  %b.type.at = getelementptr i8, ptr %b, i64 $type
  %b.type = load ptr, ptr %b.type.at
  %a.text = icmp eq ptr %a.type, @PyUnicode_Type
  %b.text = icmp eq ptr %b.type, @PyUnicode_Type
  %texts = and i1 %a.text, %b.text
  br i1 %texts, label %compare, label %no
compare:
  %order = call i32 @PyUnicode_Compare(ptr %a, ptr %b)
  %equal = icmp eq i32 %order, 0
  ret i1 %equal
yes:
  ret i1 true
no:
  ret i1 false
}

; A call of the form that the descriptor says: so many arguments by position, the others by name,
; each a nest.  Their leaves go to %leaves.
define internal i1 @unfold_call(ptr %d, ptr %args, i64 %count, ptr %keywords, ptr %leaves) {
entry:
  %words = alloca ptr
  %positional.at = getelementptr i64, ptr %d, i64 $positional
  %positional = load i64, ptr %positional.at
  %named.at = getelementptr i64, ptr %d, i64 $named
  %named = load i64, ptr %named.at
  %form.at = getelementptr i64, ptr %d, i64 $form
  %form = load ptr, ptr %form.at
  %same.count = icmp eq i64 %positional, %count
  br i1 %same.count, label %names, label %no
names:
  %no.names = icmp eq ptr %keywords, null
  br i1 %no.names, label %none.given, label %some.given
none.given:
  br label %compare
some.given:
  %given = call i64 @PyTuple_Size(ptr %keywords)
  br label %compare
compare:
  %names.given = phi i64 [0, %none.given], [%given, %some.given]
  %same.names = icmp eq i64 %names.given, %named
  br i1 %same.names, label %name.head, label %no
name.head:
  %j = phi i64 [0, %compare], [%j.next, %name]
  %name.more = icmp slt i64 %j, %named
  br i1 %name.more, label %name, label %start
name:
  %is = call ptr @PyTuple_GetItem(ptr %keywords, i64 %j)
  %want.at = getelementptr ptr, ptr %form, i64 %j
  %want = load ptr, ptr %want.at
  %same = call i1 @same_name(ptr %is, ptr %want)
  %j.next = add i64 %j, 1
  br i1 %same, label %name.head, label %no
start:
  %nests = getelementptr i64, ptr %form, i64 %named
  store ptr %nests, ptr %words
  %total = add i64 %count, %named
  br label %head
head:
  %i = phi i64 [0, %start], [%i.next, %one]
  %more = icmp slt i64 %i, %total
  br i1 %more, label %one, label %yes
one:
  %object.at = getelementptr ptr, ptr %args, i64 %i
  %object = load ptr, ptr %object.at
  %fits = call i1 @unfold(ptr %words, ptr %object, ptr %leaves)
  %i.next = add i64 %i, 1
  br i1 %fits, label %head, label %no
yes:
  ret i1 true
no:
  ret i1 false
}

define internal i64 @attempt_nested(ptr %d, ptr %args, i64 %count, ptr %keywords, i64 %arguments,
                                    ptr %tuple, ptr %result) {
entry:
  %leaves = alloca ptr, i64 %arguments
  %fits = call i1 @unfold_call(ptr %d, ptr %args, i64 %count, ptr %keywords, ptr %leaves)
  br i1 %fits, label %hold, label %unfit
hold:
  ; a container may be changed while the GIL is released, or by what a failed check calls
  call void @own(ptr %leaves, i64 %arguments, i1 true)
  %answer = call i64 @attempt(ptr %d, ptr %leaves, ptr %tuple, ptr %result)
  call void @own(ptr %leaves, i64 %arguments, i1 false)
  ret i64 %answer
unfit:
  ret i64 0
}

; Takes a reference to each of the objects, or gives it back.
define internal void @own(ptr %objects, i64 %count, i1 %take) {
entry:
  br label %head
head:
  %i = phi i64 [0, %entry], [%i.next, %next]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %one, label %out
one:
  %at = getelementptr ptr, ptr %objects, i64 %i
  %object = load ptr, ptr %at
  br i1 %take, label %up, label %down
up:
  call void @Py_IncRef(ptr %object)
  br label %next
down:
  call void @Py_DecRef(ptr %object)
  br label %next
next:
  %i.next = add i64 %i, 1
  br label %head
out:
  ret void
}

; What the caller gets: the results as they are, or put into a nest, by its %nest words or else by
; %finish; both live for ever.  Nothing (an exception is set) stays nothing.
define internal ptr @finished(ptr %nest, ptr %finish, ptr %value) {
entry:
  %args = alloca [2 x ptr]
  %words = alloca ptr
  %failed = icmp eq ptr %value, null
  br i1 %failed, label %out, label %how
how:
  %no.nest = icmp eq ptr %nest, null
  br i1 %no.nest, label %call.or.not, label %fold
fold:
  store ptr %nest, ptr %words
  %made = call ptr @fold(ptr %words, ptr %value)
  call void @Py_DecRef(ptr %value)
  ret ptr %made
call.or.not:
  %flat = icmp eq ptr %finish, null
  br i1 %flat, label %out, label %call
call:
  %first = getelementptr ptr, ptr %args, i64 1
  store ptr %value, ptr %first
  %one = or i64 1, -9223372036854775808
  %answer = call ptr @PyObject_Vectorcall(ptr %finish, ptr %first, i64 %one, ptr null)
  call void @Py_DecRef(ptr %value)
  ret ptr %answer
out:
  ret ptr %value
}

; The nest that the words say, a new reference, with the items of %tuple as its leaves; null where an
; exception is set.  %words is moved on.
define internal ptr @fold(ptr %words.at, ptr %tuple) {
entry:
  %words = load ptr, ptr %words.at
  %kind = load i64, ptr %words
  %count.at = getelementptr i64, ptr %words, i64 2
  switch i64 %kind, label %tuple.new [ i64 $LEAF, label %leaf  i64 $ABSENT, label %absent
                                       i64 $LIST, label %list.new  i64 $DICT, label %dict.new ]
leaf:
  store ptr %count.at, ptr %words.at
  %number.at = getelementptr i64, ptr %words, i64 1
  %number = load i64, ptr %number.at
  %object = call ptr @PyTuple_GetItem(ptr %tuple, i64 %number)
  call void @Py_IncRef(ptr %object)
  ret ptr %object
absent:
  store ptr %count.at, ptr %words.at
  call void @Py_IncRef(ptr @_Py_NoneStruct)
  ret ptr @_Py_NoneStruct
tuple.new:
  %count.tuple = load i64, ptr %count.at
  %made.tuple = call ptr @PyTuple_New(i64 %count.tuple)
  br label %new
list.new:
  %count.list = load i64, ptr %count.at
  %made.list = call ptr @PyList_New(i64 %count.list)
  br label %new
dict.new:
  %count.dict = load i64, ptr %count.at
  %made.dict = call ptr @PyDict_New()
  br label %new
new:
  %count = phi i64 [%count.tuple, %tuple.new], [%count.list, %list.new], [%count.dict, %dict.new]
  %made = phi ptr [%made.tuple, %tuple.new], [%made.list, %list.new], [%made.dict, %dict.new]
  %items = getelementptr i64, ptr %words, i64 3
  store ptr %items, ptr %words.at
  %none = icmp eq ptr %made, null
  br i1 %none, label %bad, label %head
head:
  %i = phi i64 [0, %new], [%i.next, %next.item]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %one, label %good
one:
  %key.at = load ptr, ptr %words.at
  %is.dict = icmp eq i64 %kind, $DICT
  br i1 %is.dict, label %key, label %item
key:
  %after.key = getelementptr i64, ptr %key.at, i64 1
  store ptr %after.key, ptr %words.at
  br label %item
item:
  %child = call ptr @fold(ptr %words.at, ptr %tuple)
  %no.child = icmp eq ptr %child, null
  br i1 %no.child, label %fail, label %put
put:
  switch i64 %kind, label %put.tuple [ i64 $LIST, label %put.list  i64 $DICT, label %put.dict ]
put.tuple:
  %status.tuple = call i32 @PyTuple_SetItem(ptr %made, i64 %i, ptr %child)
  br label %placed
put.list:
  %status.list = call i32 @PyList_SetItem(ptr %made, i64 %i, ptr %child)
  br label %placed
put.dict:
  %key.is = load ptr, ptr %key.at
  %status.dict = call i32 @PyDict_SetItem(ptr %made, ptr %key.is, ptr %child)
  call void @Py_DecRef(ptr %child)
  br label %placed
placed:
  %status = phi i32 [%status.tuple, %put.tuple], [%status.list, %put.list],
                    [%status.dict, %put.dict]
  %refused = icmp ne i32 %status, 0
  br i1 %refused, label %fail, label %next.item
next.item:
  %i.next = add i64 %i, 1
  br label %head
good:
  ret ptr %made
fail:
  call void @Py_DecRef(ptr %made)
  ret ptr null
bad:
  ret ptr null
}
