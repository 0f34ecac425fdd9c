#include "eqsat_cuda.h"

extern "C" __global__ void kernel0(eq_i64 n0,
    eq_i64 n1,
    eq_i64 n2,
    eq_i64 n3,
    const double* __restrict__ p0,
    const double* __restrict__ p1,
    double* __restrict__ p2) {
  __shared__ double m1[32][33];
  const eq_i64 t2 = n0;
  for (eq_i64 tile = blockIdx.x; tile < t2; tile += gridDim.x) {
    const eq_i64 t3 = tile % n1;
    const eq_i64 t4 = tile / n1;
    const eq_i64 t5 = t4 * 32;
    const eq_i64 t6 = t3 * 32;
    EQ_UNROLL for (int turn = 0; turn < 4; ++turn) {
      const int row = threadIdx.y + turn * 8;
      const eq_i64 t7 = t5 + threadIdx.x;
      const eq_i64 t8 = t6 + row;
      if (t7 < n2 && t8 < n3) {
        m1[row][threadIdx.x] = p0[t7 + t8 * n2];
      }
    }
    __syncthreads();
    EQ_UNROLL for (int turn = 0; turn < 4; ++turn) {
      const int row = threadIdx.y + turn * 8;
      const eq_i64 t9 = t6 + threadIdx.x;
      const eq_i64 t10 = t5 + row;
      if (t9 < n3 && t10 < n2) {
        const double t11 = p1[t10 * n3 + t9];
        const double t12 = m1[threadIdx.x][row];
        const double t13 = (t12 + t11);
        p2[t10 * n3 + t9] = t13;
      }
    }
    __syncthreads();
  }
}
