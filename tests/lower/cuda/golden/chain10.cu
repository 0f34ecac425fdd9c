#include "eqsat_cuda.h"

extern "C" __global__ void kernel0(eq_i64 n0,
    const double* __restrict__ p0,
    const double* __restrict__ p1,
    double* __restrict__ p2) {
  const eq_i64 t1 = (n0 + 1) / 2;
  for (eq_i64 g2 = (eq_i64)blockIdx.x * blockDim.x + threadIdx.x; g2 < t1; g2 += (eq_i64)gridDim.x * blockDim.x) {
    const eq_i64 t3 = g2 * 2;
    const int t4 = (int)eq_least(2, n0 - t3);
    double a7[2];
    eq_load<2>(a7, p0 + t3, t4);
    double a10[2];
    eq_load<2>(a10, p1 + t3, t4);
    double r22[2];
    EQ_UNROLL for (int v5 = 0; v5 < 2; ++v5) {
      const eq_i64 t6 = t3 + (v5 < t4 ? v5 : t4 - 1);
      const double t8 = (a7[v5] * a7[v5]);
      const double t9 = (1.0 + t8);
      const double t11 = (a7[v5] * a10[v5]);
      const double t12 = (t11 + 1.0);
      const double t13 = (t12 * a7[v5]);
      const double t14 = (t13 - a10[v5]);
      const double t15 = (t14 * 0.5);
      const double t16 = (t15 + t8);
      const double t17 = (2.0 * t16);
      const double t18 = (t16 * t16);
      const double t19 = (t18 - t17);
      const double t20 = (t19 + 1.0);
      const double t21 = (t20 / t9);
      r22[v5] = t21;
    }
    eq_store<2>(p2 + t3, r22, t4);
  }
}
