; What the self-test asks; a part of the module of entry.ll.

; All fields that are read, for the self-test.
define void @probe(ptr %array, ptr %to) noinline optnone {
  %dtype.at = getelementptr i8, ptr %array, i64 $dtype
  %dtype = load ptr, ptr %dtype.at
  $probes
  ret void
}

; Where a NumPy scalar has its value.
define ptr @probe_scalar(ptr %number) noinline optnone {
  %value.at = getelementptr i8, ptr %number, i64 $scalar
  ret ptr %value.at
}

define double @probe_float(ptr %number) noinline optnone {
  %value.at = getelementptr i8, ptr %number, i64 $float
  %value = load double, ptr %value.at
  ret double %value
}
