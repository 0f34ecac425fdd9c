// The words of kernels: what a scalar primitive means on every dtype, loads and stores of several
// elements, reductions of a team of threads.  The same on a device and in the emulation of one.
#pragma once

template <bool, class A, class B> struct eq_if { typedef A type; };
template <class A, class B> struct eq_if<false, A, B> { typedef B type; };

#define EQ_SAME(name, A) template <> struct name<A> { static const bool yes = true; };
template <class T> struct eq_floats { static const bool yes = false; };
EQ_SAME(eq_floats, double)
EQ_SAME(eq_floats, float)
template <class T> struct eq_is_signed { static const bool yes = false; };
EQ_SAME(eq_is_signed, eq_i8)
EQ_SAME(eq_is_signed, eq_i16)
EQ_SAME(eq_is_signed, eq_i32)
EQ_SAME(eq_is_signed, eq_i64)

// The least and the greatest number of an integer type.
template <class T> EQ T eq_lowest() {
  return eq_is_signed<T>::yes ? (T)((eq_u64)1 << (8 * sizeof(T) - 1)) : (T)0;
}
template <class T> EQ T eq_highest() { return (T)~eq_lowest<T>(); }
template <class T> EQ eq_u64 eq_magnitude(T x) {  // |x|, as many bits as T has
  eq_u64 wide = x < 0 ? (eq_u64)0 - (eq_u64)(eq_i64)x : (eq_u64)x;
  return sizeof(T) == 8 ? wide : wide & (((eq_u64)1 << (8 * sizeof(T) % 64)) - 1);
}

EQ eq_i64 eq_least(eq_i64 a, eq_i64 b) { return a < b ? a : b; }
EQ eq_i64 eq_most(eq_i64 a, eq_i64 b) { return a > b ? a : b; }
// A label, wrapped once if negative and kept within its axis.
EQ eq_i64 eq_label(eq_i64 label, eq_i64 size) {
  label = label < 0 ? label + size : label;
  return eq_most(eq_least(label, size - 1), 0);
}

// ----------------------------------------------------------------------------------- conversions
template <class To, class From> EQ To eq_saturated(From x) {  // NaN gives 0
  if (x != x) return 0;
  if (x <= (From)eq_lowest<To>()) return eq_lowest<To>();
  if (x >= (From)eq_highest<To>()) return eq_highest<To>();
  return (To)x;
}
template <class To, class From> struct eq_caster {
  static EQ To of(From x) {
    if constexpr (eq_floats<From>::yes && !eq_floats<To>::yes) return eq_saturated<To>(x);
    else return (To)x;
  }
};
template <class From> struct eq_caster<bool, From> {
  static EQ bool of(From x) { return x != 0; }
};
template <class To> struct eq_caster<To, eq_half> {
  static EQ To of(eq_half x) { return eq_caster<To, float>::of(eq_wide(x)); }
};
template <class From> struct eq_caster<eq_half, From> {
  static EQ eq_half of(From x) { return eq_narrow((float)x); }
};
template <> struct eq_caster<eq_half, double> {
  static EQ eq_half of(double x) { return eq_narrow(x); }
};
template <> struct eq_caster<eq_half, eq_half> {
  static EQ eq_half of(eq_half x) { return x; }
};
template <> struct eq_caster<bool, eq_half> {
  static EQ bool of(eq_half x) { return eq_wide(x) != 0; }
};
template <class To, class From> EQ To eq_cast(From x) { return eq_caster<To, From>::of(x); }

// ---------------------------------------------------------------------------------------- floats
template <class T> EQ T eq_nan() { return eq_cast<T>(eq_double_of(0x7ff8000000000000ull)); }
template <class T> EQ T eq_infinity() { return eq_cast<T>(eq_double_of(0x7ff0000000000000ull)); }
EQ double eq_from_bits(eq_u64 bits) { return eq_double_of(bits); }
EQ float eq_from_bits(eq_u32 bits) { return eq_float_of(bits); }

template <class T> EQ T eq_sign_f(T x) { return x > 0 ? (T)1 : x < 0 ? (T)-1 : x == 0 ? (T)0 : x; }
template <class T> EQ T eq_maximum_f(T x, T y) { return x > y || x != x ? x : y; }
template <class T> EQ T eq_minimum_f(T x, T y) { return x < y || x != x ? x : y; }
template <class T> EQ T eq_fmax_f(T x, T y) { return x >= y || y != y ? x : y; }
template <class T> EQ T eq_fmin_f(T x, T y) { return x <= y || y != y ? x : y; }
template <class T> EQ bool eq_isfinite_f(T x) { return fabs(x) < eq_infinity<T>(); }
template <class T> EQ bool eq_signbit_f(T x) { return eq_to_bits(x) >> (8 * sizeof(T) - 1) != 0; }
template <class T> EQ T eq_sigmoid_f(T x) {  // exp(-|x|) cannot overflow
  T e = exp(-fabs(x));
  return (x < 0 ? e : (T)1) / (1 + e);
}
template <class T> EQ T eq_softplus_f(T x) { return (x < 0 ? (T)0 : x) + log1p(exp(-fabs(x))); }
template <class T> EQ T eq_log1mexp_f(T x) {
  return x > (T)-0.6931471805599453 ? log(-expm1(x)) : log1p(-exp(x));
}
template <class T> EQ T eq_remainder_f(T x, T y) {
  T rest = fmod(x, y);
  if (rest == 0) return copysign((T)0, y);
  return (y < 0) != (rest < 0) ? rest + y : rest;
}
template <class T> EQ T eq_floor_divide_f(T x, T y) {  // as NumPy's npy_divmod
  if (y == 0) return x / y;
  T rest = fmod(x, y);
  T quotient = (x - rest) / y;
  if (rest != 0 && (y < 0) != (rest < 0)) quotient -= 1;
  if (quotient == 0) return copysign((T)0, x / y);
  T whole = floor(quotient);
  return quotient - whole > (T)0.5 ? whole + 1 : whole;
}
template <class T> EQ T eq_spacing_f(T x) {
  T a = fabs(x);
  if (!(a < eq_infinity<T>())) return eq_nan<T>();
  T width = nextafter(a, eq_infinity<T>()) - a;
  return a == 0 ? width : copysign(width, x);
}
template <class T> EQ T eq_mantissa_f(T x) {
  int unused;
  return x == 0 || !eq_isfinite_f(x) ? x : (T)frexp(x, &unused);
}
template <class T> EQ T eq_exponent_f(T x) {
  int power = 0;
  if (x != 0 && eq_isfinite_f(x)) frexp(x, &power);
  return (T)power;
}
template <class T> EQ T eq_ldexp_f(T x, T n) {
  if (n != n) return n;
  return ldexp(x, (int)(n < -5000 ? (T)-5000 : n > 5000 ? (T)5000 : n));
}
// exp(x - s), s the multiple of ln2 next to y, or y where that is large; ln2 in two parts, the first short.
EQ double eq_shifted_exp_f(double x, double y) {
  bool near = fabs(y) < 2048;
  x = near ? x : x - y;
  double m = rint(fmin(fmax(x, -1e6), 1e6) * 1.4426950408889634);
  double n = near ? rint(y * 1.4426950408889634) : 0;
  return eq_ldexp_f(exp((x - m * 0.6931471803691238) - m * 1.9082149292705877e-10), m - n);
}
EQ float eq_shifted_exp_f(float x, float y) {
  bool near = fabs(y) < 240;
  x = near ? x : x - y;
  float m = rint(fmin(fmax(x, -1e4f), 1e4f) * 1.44269504f);
  float n = near ? rint(y * 1.44269504f) : 0;
  return eq_ldexp_f(exp((x - m * 0.693145751953125f) - m * 1.42860677e-6f), m - n);
}

// As SciPy has them where CUDA has limits: NaN at infinities; log|gamma| at -inf.
#define EQ_BESSEL(name) \
  EQ double eq_##name(double x) { return eq_isfinite_f(x) ? name(x) : eq_nan<double>(); }
EQ_BESSEL(j0)
EQ_BESSEL(j1)
EQ_BESSEL(y0)
EQ_BESSEL(y1)
EQ double eq_gammaln(double x) { return x == -eq_infinity<double>() ? x : lgamma(x); }

// A half between its neighbours.
EQ eq_half eq_half_beside(eq_half x, bool away) {
  eq_half moved = {(eq_u16)(x.bits + (away ? 1 : -1))};
  return moved;
}
EQ eq_half eq_half_nextafter(eq_half x, eq_half y) {
  float a = eq_wide(x), b = eq_wide(y);
  if (a != a || b != b) return eq_nan<eq_half>();
  if (a == b) return x;
  if (a == 0) return eq_narrow(copysign(eq_float_of(0x33800000u), b));
  return eq_half_beside(x, (b < a) != (a > 0));
}
EQ eq_half eq_half_spacing(eq_half x) {  // to the next one upwards, for this dtype alone
  float a = eq_wide(x);
  if (!eq_isfinite_f(a)) return eq_nan<eq_half>();
  if (a == 0) return eq_narrow(eq_float_of(0x33800000u));
  return eq_narrow(fabs(eq_wide(eq_half_beside(x, a > 0)) - a));
}

// -------------------------------------------------------------------------- integers, which wrap
template <class T> EQ T eq_add_i(T x, T y) { return (T)((eq_u64)x + (eq_u64)y); }
template <class T> EQ T eq_subtract_i(T x, T y) { return (T)((eq_u64)x - (eq_u64)y); }
template <class T> EQ T eq_multiply_i(T x, T y) { return (T)((eq_u64)x * (eq_u64)y); }
template <class T> EQ T eq_negative_i(T x) { return (T)((eq_u64)0 - (eq_u64)x); }
template <class T> EQ T eq_absolute_i(T x) { return x < 0 ? eq_negative_i(x) : x; }
template <class T> EQ T eq_sign_i(T x) { return (T)((x > 0) - (x < 0)); }
template <class T> EQ T eq_maximum_i(T x, T y) { return x > y ? x : y; }
template <class T> EQ T eq_minimum_i(T x, T y) { return x < y ? x : y; }
template <class T> EQ bool eq_overflows(T x, T y) {
  return eq_is_signed<T>::yes && x == eq_lowest<T>() && y == (T)-1;
}
template <class T> EQ T eq_floor_divide_i(T x, T y) {  // by 0: 0
  if (y == 0) return 0;
  if (eq_overflows(x, y)) return x;
  T quotient = (T)(x / y), rest = (T)(x % y);
  return rest != 0 && (rest < 0) != (y < 0) ? (T)(quotient - 1) : quotient;
}
template <class T> EQ T eq_remainder_i(T x, T y) {
  if (y == 0 || eq_overflows(x, y)) return 0;
  T rest = (T)(x % y);
  return rest != 0 && (rest < 0) != (y < 0) ? (T)(rest + y) : rest;
}
template <class T> EQ T eq_fmod_i(T x, T y) {
  return y == 0 || eq_overflows(x, y) ? (T)0 : (T)(x % y);
}
template <class T> EQ T eq_power_i(T x, T y) {  // a negative y is read as unsigned
  eq_u64 base = (eq_u64)x, result = 1;
  eq_u64 n = sizeof(T) == 8 ? (eq_u64)y : (eq_u64)y & (((eq_u64)1 << (8 * sizeof(T) % 64)) - 1);
  for (; n != 0; n >>= 1) {
    result *= n & 1 ? base : 1;
    base *= base;
  }
  return (T)result;
}
template <class T> EQ bool eq_within(T count) { return count >= 0 && (eq_u64)count < 8 * sizeof(T); }
template <class T> EQ T eq_left_shift_i(T x, T y) {
  return eq_within(y) ? (T)((eq_u64)x << ((eq_u64)y & 63)) : (T)0;
}
template <class T> EQ T eq_right_shift_i(T x, T y) {
  return (T)(eq_within(y) ? x >> ((eq_u64)y & 63) : x < 0 ? -1 : 0);
}
template <class T> EQ T eq_bitwise_count_i(T x) { return (T)eq_population(eq_magnitude(x)); }
template <class T> EQ T eq_gcd_i(T x, T y) {
  eq_u64 a = eq_magnitude(x), b = eq_magnitude(y);
  while (b != 0) {
    eq_u64 rest = a % b;
    a = b;
    b = rest;
  }
  return (T)a;
}
template <class T> EQ T eq_lcm_i(T x, T y) {
  eq_u64 divisor = (eq_u64)eq_gcd_i(x, y) & (sizeof(T) == 8 ? ~(eq_u64)0 : ((eq_u64)1 << (8 * sizeof(T) % 64)) - 1);
  return divisor == 0 ? (T)0 : (T)(eq_magnitude(x) / divisor * eq_magnitude(y));
}

// ------------------------------------------------------------------------ what reductions combine
template <class T> struct eq_kind {  // by which words a type computes
  static EQ T add(T a, T b) {
    if constexpr (eq_floats<T>::yes) return a + b;
    else return eq_add_i(a, b);
  }
  static EQ T multiply(T a, T b) {
    if constexpr (eq_floats<T>::yes) return a * b;
    else return eq_multiply_i(a, b);
  }
  static EQ T maximum(T a, T b) {
    if constexpr (eq_floats<T>::yes) return eq_maximum_f(a, b);
    else return eq_maximum_i(a, b);
  }
  static EQ T minimum(T a, T b) {
    if constexpr (eq_floats<T>::yes) return eq_minimum_f(a, b);
    else return eq_minimum_i(a, b);
  }
};
template <> struct eq_kind<bool> {
  static EQ bool add(bool a, bool b) { return a || b; }
  static EQ bool multiply(bool a, bool b) { return a && b; }
  static EQ bool maximum(bool a, bool b) { return a || b; }
  static EQ bool minimum(bool a, bool b) { return a && b; }
};
template <> struct eq_kind<eq_half> {  // each step rounded, as by NumPy
  static EQ eq_half add(eq_half a, eq_half b) { return eq_narrow(eq_wide(a) + eq_wide(b)); }
  static EQ eq_half multiply(eq_half a, eq_half b) { return eq_narrow(eq_wide(a) * eq_wide(b)); }
  static EQ eq_half maximum(eq_half a, eq_half b) {
    return eq_narrow(eq_maximum_f(eq_wide(a), eq_wide(b)));
  }
  static EQ eq_half minimum(eq_half a, eq_half b) {
    return eq_narrow(eq_minimum_f(eq_wide(a), eq_wide(b)));
  }
};
#define EQ_COMBINE(name, word)                                                      \
  struct name {                                                                     \
    template <class T> EQ T operator()(T a, T b) const { return eq_kind<T>::word(a, b); } \
  };
EQ_COMBINE(eq_sum, add)
EQ_COMBINE(eq_prod, multiply)
EQ_COMBINE(eq_max, maximum)
EQ_COMBINE(eq_min, minimum)
EQ_COMBINE(eq_any, add)
EQ_COMBINE(eq_all, multiply)

// ----------------------------------------------------------------------------- several at a time
template <class T, int N> struct alignas(sizeof(T) * N <= 16 ? sizeof(T) * N : 16) eq_pack {
  T at[N];
};
// N neighbours, in one access where they are aligned for it; of fewer than N, the last again.
template <int N, class T> EQ void eq_load(T* to, const T* from, int count) {
  if (count == N && ((eq_u64)from & (sizeof(eq_pack<T, N>) - 1)) == 0) {
    eq_pack<T, N> pack = *(const eq_pack<T, N>*)from;
    EQ_UNROLL for (int k = 0; k < N; ++k) to[k] = pack.at[k];
  } else {
    EQ_UNROLL for (int k = 0; k < N; ++k) to[k] = from[k < count ? k : count - 1];
  }
}
template <int N, class T> EQ void eq_store(T* to, const T* from, int count) {
  if (count == N && ((eq_u64)to & (sizeof(eq_pack<T, N>) - 1)) == 0) {
    eq_pack<T, N> pack;
    EQ_UNROLL for (int k = 0; k < N; ++k) pack.at[k] = from[k];
    *(eq_pack<T, N>*)to = pack;
  } else {
    EQ_UNROLL for (int k = 0; k < N; ++k) if (k < count) to[k] = from[k];
  }
}

// ------------------------------------------------------------------------------- teams of threads
// A team is the threads of a block that share threadIdx.y: at most a warp of them, or all of the
// block.  All threads of a block make these calls together.
template <class T> struct eq_word { typedef typename eq_if<sizeof(T) == 8, eq_u64, eq_u32>::type type; };
template <class T> EQ typename eq_word<T>::type eq_packed(T x) {
  if constexpr (eq_floats<T>::yes) return eq_to_bits(x);
  else return (typename eq_word<T>::type)x;
}
EQ eq_u32 eq_packed(eq_half x) { return x.bits; }
template <class T> EQ T eq_unpacked(typename eq_word<T>::type bits) {
  if constexpr (eq_floats<T>::yes) return eq_from_bits(bits);
  else return (T)bits;
}
template <> EQ eq_half eq_unpacked<eq_half>(eq_u32 bits) {
  eq_half x = {(eq_u16)bits};
  return x;
}
template <class T> EQ T eq_lane_xor(T x, int offset, int width) {
  return eq_unpacked<T>(eq_shuffle_xor(eq_packed(x), offset, width));
}
template <class T> EQ T eq_lane_up(T x, int offset, int width) {
  return eq_unpacked<T>(eq_shuffle_up(eq_packed(x), offset, width));
}
template <class T> EQ T eq_lane_first(T x, int width) {
  return eq_unpacked<T>(eq_shuffle_first(eq_packed(x), width));
}

// All values of a team as one, the same in every thread.  shared: 32 places.
template <class F, class T> EQ T eq_team(F combine, T x, T* shared) {
  int width = blockDim.x < 32 ? (int)blockDim.x : 32;
  for (int offset = width / 2; offset > 0; offset /= 2)
    x = combine(x, eq_lane_xor(x, offset, width));
  if (blockDim.x <= 32) return eq_lane_first(x, width);
  __syncthreads();
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = x;
  __syncthreads();
  x = shared[0];
  for (int warp = 1; warp < (int)blockDim.x / 32; ++warp) x = combine(x, shared[warp]);
  return x;
}

// Each value combined with those of all threads of the team before it; `total`: all of them.
template <class F, class T> EQ T eq_team_scan(F combine, T x, T* total, T* shared) {
  int width = blockDim.x < 32 ? (int)blockDim.x : 32, lane = threadIdx.x % width;
  for (int offset = 1; offset < width; offset *= 2) {
    T before = eq_lane_up(x, offset, width);
    if (lane >= offset) x = combine(before, x);
  }
  __syncthreads();
  if (lane == width - 1) shared[(threadIdx.y * blockDim.x + threadIdx.x) / width] = x;
  __syncthreads();
  int warps = blockDim.x / width, first = threadIdx.y * warps, mine = threadIdx.x / width;
  T all = shared[first];
  for (int warp = 1; warp < warps; ++warp) {
    if (warp == mine) x = combine(all, x);
    all = combine(all, shared[first + warp]);
  }
  *total = all;
  return x;
}

// The values of threads of a block that share threadIdx.x as one, in those where threadIdx.y is 0.
// shared: a place a thread.
template <class F, class T> EQ T eq_column(F combine, T x, T* shared) {
  if (blockDim.y == 1) return x;
  __syncthreads();
  shared[threadIdx.y * blockDim.x + threadIdx.x] = x;
  __syncthreads();
  if (threadIdx.y == 0)
    for (int y = 1; y < (int)blockDim.y; ++y) x = combine(x, shared[y * blockDim.x + threadIdx.x]);
  return x;
}
