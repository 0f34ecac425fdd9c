#include "eqsat_cuda.h"

extern "C" __global__ void kernel0(eq_i64 n0,
    eq_i64 n1,
    eq_i64 n2,
    const double* __restrict__ p0,
    double* __restrict__ p1,
    double* __restrict__ p2) {
  const eq_i64 t1 = (n1 + n2 - 1) / n2;
  const eq_i64 t2 = eq_least((blockIdx.y + 1) * t1, n1);
  __shared__ double m7[256];
  for (eq_i64 first = (eq_i64)blockIdx.x * blockDim.x; first < n0; first += (eq_i64)gridDim.x * blockDim.x) {
    const eq_i64 t3 = eq_least(first + threadIdx.x, n0 - 1);
    const bool t4 = first + threadIdx.x < n0;
    double s5 = -0.0;
    for (eq_i64 row = blockIdx.y * t1 + threadIdx.y; row < t2; row += blockDim.y) {
      const double t6 = p0[row * n0 + t3];
      s5 = eq_sum()(s5, t6);
    }
    const double t8 = eq_column(eq_sum(), s5, m7);
    if (threadIdx.y == 0 && t4 && n2 == 1) {
      const double t9 = n1 == 0 ? 0.0 : t8;
      p1[t3] = t9;
    }
    if (threadIdx.y == 0 && t4 && n2 != 1) {
      p2[blockIdx.y * n0 + t3] = t8;
    }
  }
}

extern "C" __global__ void kernel1(eq_i64 n0,
    eq_i64 n1,
    const double* __restrict__ p0,
    eq_i64 n2,
    double* __restrict__ p1) {
  __shared__ double m4[256];
  for (eq_i64 first = (eq_i64)blockIdx.x * blockDim.x; first < n0; first += (eq_i64)gridDim.x * blockDim.x) {
    const eq_i64 t1 = eq_least(first + threadIdx.x, n0 - 1);
    const bool t2 = first + threadIdx.x < n0;
    double s3 = -0.0;
    for (eq_i64 chunk = threadIdx.y; chunk < n1; chunk += blockDim.y) {
      s3 = eq_sum()(s3, p0[chunk * n0 + t1]);
    }
    const double t5 = eq_column(eq_sum(), s3, m4);
    if (threadIdx.y == 0 && t2) {
      const double t6 = n2 == 0 ? 0.0 : t5;
      p1[t1] = t6;
    }
  }
}
