#include "eqsat_cuda.h"

extern "C" __global__ void kernel0(eq_i64 n0,
    eq_i64 n1,
    const double* __restrict__ p0,
    const double* __restrict__ p1,
    eq_i64 n2,
    double* __restrict__ p2) {
  const eq_i64 t1 = (n0 + 1) / 2;
  const eq_i64 t2 = n1 * t1;
  for (eq_i64 g3 = (eq_i64)blockIdx.x * blockDim.x + threadIdx.x; g3 < t2; g3 += (eq_i64)gridDim.x * blockDim.x) {
    const eq_i64 t4 = g3 % t1;
    const eq_i64 t5 = g3 / t1;
    const eq_i64 t6 = t4 * 2;
    const int t7 = (int)eq_least(2, n0 - t6);
    double a10[2];
    eq_load<2>(a10, p0 + t5 * n0 + t6, t7);
    double r14[2];
    EQ_UNROLL for (int v8 = 0; v8 < 2; ++v8) {
      const eq_i64 t9 = t6 + (v8 < t7 ? v8 : t7 - 1);
      const double t11 = t9 >= 1 && t9 < n2 ? p1[-1 + t9] : 0.0;
      const double t12 = t9 >= 1 && t9 < n2 ? t11 : 0.0;
      const double t13 = (t12 + a10[v8]);
      r14[v8] = t13;
    }
    eq_store<2>(p2 + t5 * n0 + t6, r14, t7);
  }
}
