// A CUDA device emulated on the CPU, for the text of kernels: in the place of the file of this name
// that the package has.
//
// Blocks run one after another.  The threads of a block are fibers that take turns at barriers and
// shuffles; with SHIM_THREADS they are threads of the system, for the thread sanitizer.  All threads
// of a block must come to each of these together: what would hang or be undefined on a device (a
// thread that ends, or is elsewhere, while others wait) ends the process.
#pragma once
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atomic>
#ifdef SHIM_THREADS
#include <barrier>
#include <thread>
#include <vector>
#else
#include <ucontext.h>
#endif

typedef signed char eq_i8;
typedef short eq_i16;
typedef int eq_i32;
typedef long long eq_i64;
typedef unsigned char eq_u8;
typedef unsigned short eq_u16;
typedef unsigned int eq_u32;
typedef unsigned long long eq_u64;

#define EQ inline
#define EQ_UNROLL
#define __global__
#define __launch_bounds__(...)
#define __restrict__ __restrict
#define __shared__ static

// ------------------------------------------------------------------------------------------ bits
template <class To, class From> inline To shim_bits(From x) {
  static_assert(sizeof(To) == sizeof(From), "as many bits");
  To result;
  memcpy(&result, &x, sizeof x);
  return result;
}
EQ eq_u64 eq_to_bits(double x) { return shim_bits<eq_u64>(x); }
EQ eq_u32 eq_to_bits(float x) { return shim_bits<eq_u32>(x); }
EQ double eq_double_of(eq_u64 bits) { return shim_bits<double>(bits); }
EQ float eq_float_of(eq_u32 bits) { return shim_bits<float>(bits); }
EQ int eq_population(eq_u64 x) { return __builtin_popcountll(x); }

struct eq_half {
  eq_u16 bits;
};
EQ float eq_wide(eq_half x) { return (float)shim_bits<_Float16>(x.bits); }
EQ eq_half eq_narrow(float x) { return {shim_bits<eq_u16>((_Float16)x)}; }
EQ eq_half eq_narrow(double x) { return {shim_bits<eq_u16>((_Float16)x)}; }

// --------------------------------------------------------------------------------------- threads
struct shim_dimensions {
  unsigned x, y;
};
static const int SHIM_MOST = 1024;  // threads of a block
static shim_dimensions blockDim, gridDim;
static eq_u64 shim_slots[SHIM_MOST];

inline void shim_fail(const char* text) {
  fprintf(stderr, "shim: %s\n", text);
  abort();
}

#ifdef SHIM_THREADS
static thread_local shim_dimensions threadIdx, blockIdx;
static std::barrier<>* shim_barrier;
inline void shim_meet(int) { shim_barrier->arrive_and_wait(); }
#else
static shim_dimensions threadIdx, blockIdx;
struct shim_fiber {
  ucontext_t context;
  char* stack;
  shim_dimensions index;
  int place;  // what it waits at: 0 nothing yet, 1 a barrier, 2 a shuffle, 3 its end
};
static const size_t SHIM_STACK = 1 << 16;
static shim_fiber shim_fibers[SHIM_MOST];
static ucontext_t shim_main;
static shim_fiber* shim_current;
static void (*shim_body)(void**);
static void** shim_given;

inline void shim_meet(int place) {
  shim_current->place = place;
  swapcontext(&shim_current->context, &shim_main);
}
static void shim_entry() {
  shim_body(shim_given);
  shim_current->place = 3;
  swapcontext(&shim_current->context, &shim_main);
}
#endif
#define __syncthreads() shim_meet(1)

inline unsigned shim_self() { return threadIdx.y * blockDim.x + threadIdx.x; }
inline eq_u64 shim_exchange(eq_u64 x, unsigned from) {
  shim_slots[shim_self()] = x;
  shim_meet(2);
  x = shim_slots[from];
  shim_meet(2);
  return x;
}
inline unsigned shim_base(int width) { return shim_self() / width * width; }
template <class T> inline T eq_shuffle_xor(T x, int offset, int width) {
  return (T)shim_exchange(x, shim_base(width) + (shim_self() % width ^ offset));
}
template <class T> inline T eq_shuffle_up(T x, int offset, int width) {
  int lane = shim_self() % width;
  return (T)shim_exchange(x, shim_base(width) + (lane >= offset ? lane - offset : lane));
}
template <class T> inline T eq_shuffle_first(T x, int width) {
  return (T)shim_exchange(x, shim_base(width));
}

// ---------------------------------------------------------------------------------------- atomics
template <class T> EQ void eq_atomic_add(T* place, T x) { std::atomic_ref<T>(*place).fetch_add(x); }
template <class T, class Better> inline void shim_update(T* place, T x, Better better) {
  std::atomic_ref<T> held(*place);
  for (T old = held; better(x, old) && !held.compare_exchange_weak(old, x);) {
  }
}
template <class T> EQ void eq_atomic_maximum(T* place, T x) {
  shim_update(place, x, [](T a, T b) { return a > b; });
}
template <class T> EQ void eq_atomic_minimum(T* place, T x) {
  shim_update(place, x, [](T a, T b) { return a < b; });
}

#include "eqsat_words.h"

// -------------------------------------------------------------------------------------- launches
typedef void shim_kernel(void** arguments);

// Threads one after another: for kernels in which none waits for others.
static void shim_plain(shim_kernel* body, void** given) {
  for (blockIdx.y = 0; blockIdx.y < gridDim.y; ++blockIdx.y)
    for (blockIdx.x = 0; blockIdx.x < gridDim.x; ++blockIdx.x)
      for (threadIdx.y = 0; threadIdx.y < blockDim.y; ++threadIdx.y)
        for (threadIdx.x = 0; threadIdx.x < blockDim.x; ++threadIdx.x) body(given);
}

#ifdef SHIM_THREADS
static void shim_together(shim_kernel* body, void** given) {
  unsigned count = blockDim.x * blockDim.y;
  std::barrier<> barrier(count);
  shim_barrier = &barrier;
  std::vector<std::thread> threads;
  for (unsigned number = 0; number < count; ++number)
    threads.emplace_back([&, number] {
      threadIdx = {number % blockDim.x, number / blockDim.x};
      for (unsigned y = 0; y < gridDim.y; ++y)
        for (unsigned x = 0; x < gridDim.x; ++x) {
          blockIdx = {x, y};
          body(given);
          barrier.arrive_and_wait();
        }
    });
  for (auto& thread : threads) thread.join();
}
#else
static void shim_together(shim_kernel* body, void** given) {
  unsigned count = blockDim.x * blockDim.y;
  if (count > SHIM_MOST) shim_fail("too many threads in a block");
  shim_body = body;
  shim_given = given;
  for (unsigned block = 0; block < gridDim.x * gridDim.y; ++block) {
    blockIdx = {block % gridDim.x, block / gridDim.x};
    for (unsigned k = 0; k < count; ++k) {
      shim_fiber& fiber = shim_fibers[k];
      if (!fiber.stack) fiber.stack = (char*)malloc(SHIM_STACK);
      fiber.index = {k % blockDim.x, k / blockDim.x};
      getcontext(&fiber.context);
      fiber.context.uc_stack.ss_sp = fiber.stack;
      fiber.context.uc_stack.ss_size = SHIM_STACK;
      fiber.context.uc_link = nullptr;
      makecontext(&fiber.context, shim_entry, 0);
    }
    for (int place = 0; place != 3;) {
      for (unsigned k = 0; k < count; ++k) {
        shim_current = &shim_fibers[k];
        threadIdx = shim_current->index;
        swapcontext(&shim_main, &shim_current->context);
        if (k == 0) place = shim_current->place;
        if (shim_current->place != place) shim_fail("threads of a block wait at different places");
      }
    }
  }
}
#endif
