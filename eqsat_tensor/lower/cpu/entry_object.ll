; The instances of the callable type, as Python sees them; what the self-test asks; a part of the module
; of entry.ll.

; The collector's view of an instance: its type, its dict, and slow.
define i32 @traverse(ptr %self, ptr %visit, ptr %with) {
entry:
  %type.at = getelementptr i8, ptr %self, i64 $type
  %type = load ptr, ptr %type.at
  %r0 = call i32 %visit(ptr %type, ptr %with)
  %stop.0 = icmp ne i32 %r0, 0
  br i1 %stop.0, label %out.0, label %dict
dict:
  %dict.at = getelementptr i8, ptr %self, i64 $dict
  %dict.is = load ptr, ptr %dict.at
  %no.dict = icmp eq ptr %dict.is, null
  br i1 %no.dict, label %function, label %dict.visit
dict.visit:
  %r1 = call i32 %visit(ptr %dict.is, ptr %with)
  %stop.1 = icmp ne i32 %r1, 0
  br i1 %stop.1, label %out.1, label %function
function:
  %slow.at = getelementptr i8, ptr %self, i64 $slow
  %slow.is = load ptr, ptr %slow.at
  %no.slow = icmp eq ptr %slow.is, null
  br i1 %no.slow, label %out, label %slow.visit
slow.visit:
  %r2 = call i32 %visit(ptr %slow.is, ptr %with)
  ret i32 %r2
out.0:
  ret i32 %r0
out.1:
  ret i32 %r1
out:
  ret i32 0
}

define i32 @clear(ptr %self) {
  ; without the address of its code, a call of a cleared instance is a TypeError
  %head.at = getelementptr i8, ptr %self, i64 $head
  %call.at = getelementptr i8, ptr %self, i64 $vectorcall
  %dict.at = getelementptr i8, ptr %self, i64 $dict
  %slow.at = getelementptr i8, ptr %self, i64 $slow
  store ptr null, ptr %head.at
  store ptr null, ptr %call.at
  %dict.is = load ptr, ptr %dict.at
  store ptr null, ptr %dict.at
  call void @Py_DecRef(ptr %dict.is)
  %slow.is = load ptr, ptr %slow.at
  store ptr null, ptr %slow.at
  call void @Py_DecRef(ptr %slow.is)
  ret i32 0
}

define void @dealloc(ptr %self) {
entry:
  %type.at = getelementptr i8, ptr %self, i64 $type
  %type = load ptr, ptr %type.at
  call void @PyObject_GC_UnTrack(ptr %self)
  %weak.at = getelementptr i8, ptr %self, i64 $weakrefs
  %weak = load ptr, ptr %weak.at
  %no.weak = icmp eq ptr %weak, null
  br i1 %no.weak, label %free, label %forget
forget:
  call void @PyObject_ClearWeakRefs(ptr %self)
  br label %free
free:
  %cleared = call i32 @clear(ptr %self)
  call void @PyObject_GC_Del(ptr %self)
  call void @Py_DecRef(ptr %type)
  ret void
}

; All fields that are read, for the self-test.
define void @probe(ptr %array, ptr %to) {
  %dtype.at = getelementptr i8, ptr %array, i64 $dtype
  %dtype = load ptr, ptr %dtype.at
  $probes
  ret void
}

; Where a NumPy scalar has its value.
define ptr @probe_scalar(ptr %number) {
  %value.at = getelementptr i8, ptr %number, i64 $scalar
  ret ptr %value.at
}

define double @probe_float(ptr %number) {
  %value.at = getelementptr i8, ptr %number, i64 $float
  %value = load double, ptr %value.at
  ret double %value
}
