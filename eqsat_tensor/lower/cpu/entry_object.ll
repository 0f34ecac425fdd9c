; The instances of the callable type, as Python sees them, and calls of those that have no binding: a
; module of its own, there before the entry is.

declare void @Py_DecRef(ptr)
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare void @PyObject_GC_UnTrack(ptr)
declare void @PyObject_ClearWeakRefs(ptr)
declare void @PyObject_GC_Del(ptr)

define ptr @unbound(ptr %self, ptr %args, i64 %nargsf, ptr %keywords) {
  %slow.at = getelementptr i8, ptr %self, i64 $slow
  %function = load ptr, ptr %slow.at
  %answer = call ptr @PyObject_Vectorcall(ptr %function, ptr %args, i64 %nargsf, ptr %keywords)
  ret ptr %answer
}

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
