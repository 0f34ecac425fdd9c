// What the text of kernels needs of a CUDA device.  Tests build the same text with another file of
// this name, in which blocks, barriers and shuffles are emulated on the CPU.
#pragma once

typedef signed char eq_i8;
typedef short eq_i16;
typedef int eq_i32;
typedef long long eq_i64;
typedef unsigned char eq_u8;
typedef unsigned short eq_u16;
typedef unsigned int eq_u32;
typedef unsigned long long eq_u64;

#define EQ __device__ __forceinline__
#define EQ_UNROLL _Pragma("unroll")

// ------------------------------------------------------------------------------------------ bits
EQ eq_u64 eq_to_bits(double x) { return (eq_u64)__double_as_longlong(x); }
EQ eq_u32 eq_to_bits(float x) { return __float_as_uint(x); }
EQ double eq_double_of(eq_u64 bits) { return __longlong_as_double((eq_i64)bits); }
EQ float eq_float_of(eq_u32 bits) { return __uint_as_float(bits); }
EQ int eq_population(eq_u64 x) { return __popcll(x); }

// A half is its bits; it is computed with as a float.
struct eq_half {
  eq_u16 bits;
};
EQ float eq_wide(eq_half x) {
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(x.bits));
  return result;
}
EQ eq_half eq_narrow(float x) {
  eq_half result;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result.bits) : "f"(x));
  return result;
}
EQ eq_half eq_narrow(double x) {
  eq_half result;
  asm("cvt.rn.f16.f64 %0, %1;" : "=h"(result.bits) : "d"(x));
  return result;
}

// ------------------------------------------------------------------------------------------ warps
// The value of the lane `offset` away (by exclusive or), before, or first, among `width` lanes.
EQ eq_u32 eq_shuffle_xor(eq_u32 x, int offset, int width) {
  return __shfl_xor_sync(0xffffffffu, x, offset, width);
}
EQ eq_u64 eq_shuffle_xor(eq_u64 x, int offset, int width) {
  return __shfl_xor_sync(0xffffffffu, x, offset, width);
}
EQ eq_u32 eq_shuffle_up(eq_u32 x, int offset, int width) {
  return __shfl_up_sync(0xffffffffu, x, offset, width);
}
EQ eq_u64 eq_shuffle_up(eq_u64 x, int offset, int width) {
  return __shfl_up_sync(0xffffffffu, x, offset, width);
}
EQ eq_u32 eq_shuffle_first(eq_u32 x, int width) { return __shfl_sync(0xffffffffu, x, 0, width); }
EQ eq_u64 eq_shuffle_first(eq_u64 x, int width) { return __shfl_sync(0xffffffffu, x, 0, width); }

// ---------------------------------------------------------------------------------------- atomics
// Updates of one element by many threads, in any order.
template <class T> EQ void eq_atomic_maximum(T* place, T x) { atomicMax(place, x); }
template <class T> EQ void eq_atomic_minimum(T* place, T x) { atomicMin(place, x); }
EQ void eq_atomic_add(eq_i32* place, eq_i32 x) { atomicAdd((eq_u32*)place, (eq_u32)x); }
EQ void eq_atomic_add(eq_u32* place, eq_u32 x) { atomicAdd(place, x); }
EQ void eq_atomic_add(eq_i64* place, eq_i64 x) { atomicAdd((eq_u64*)place, (eq_u64)x); }
EQ void eq_atomic_add(eq_u64* place, eq_u64 x) { atomicAdd(place, x); }
EQ void eq_atomic_add(float* place, float x) { atomicAdd(place, x); }
EQ void eq_atomic_add(double* place, double x) { atomicAdd(place, x); }

#include "eqsat_words.h"
