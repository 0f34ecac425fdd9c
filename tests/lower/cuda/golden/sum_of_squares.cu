#include "eqsat_cuda.h"

extern "C" __global__ void kernel0(eq_i64 n0,
    eq_i64 n1,
    const float* __restrict__ p0,
    float* __restrict__ p1,
    float* __restrict__ p2) {
  const eq_i64 t1 = (n0 + 3) / 4;
  const eq_i64 t2 = (t1 + n1 - 1) / n1;
  __shared__ float m15[32];
  for (eq_i64 unit = blockIdx.x; unit < 1 * n1; unit += gridDim.x) {
    const eq_i64 t3 = unit / n1;
    const eq_i64 t4 = unit % n1;
    float s5 = -0.0f;
    const eq_i64 t6 = eq_least((t4 + 1) * t2, t1);
    for (eq_i64 g7 = t4 * t2 + threadIdx.x; g7 < t6; g7 += blockDim.x) {
      const eq_i64 t8 = g7 * 4;
      const int t9 = (int)eq_least(4, n0 - t8);
      float a12[4];
      eq_load<4>(a12, p0 + t8, t9);
      EQ_UNROLL for (int v10 = 0; v10 < 4; ++v10) {
        const eq_i64 t11 = t8 + (v10 < t9 ? v10 : t9 - 1);
        const float t13 = (a12[v10] * a12[v10]);
        const float t14 = v10 < t9 ? t13 : -0.0f;
        s5 = eq_sum()(s5, t14);
      }
    }
    const float t16 = eq_team(eq_sum(), s5, m15);
    if (threadIdx.x == 0 && n1 == 1) {
      const float t17 = n0 == 0 ? 0.0f : t16;
      p2[0] = t17;
    }
    if (threadIdx.x == 0 && n1 != 1) p1[t4 * 1 + t3] = t16;
  }
}

extern "C" __global__ void kernel1(eq_i64 n0,
    const float* __restrict__ p0,
    eq_i64 n1,
    float* __restrict__ p1) {
  __shared__ float m5[256];
  for (eq_i64 first = (eq_i64)blockIdx.x * blockDim.x; first < 1; first += (eq_i64)gridDim.x * blockDim.x) {
    const eq_i64 t1 = eq_least(first + threadIdx.x, 1 - 1);
    const bool t2 = first + threadIdx.x < 1;
    const bool t3 = threadIdx.y == 0 && t2;
    float s4 = -0.0f;
    for (eq_i64 chunk = threadIdx.y; chunk < n0; chunk += blockDim.y) {
      s4 = eq_sum()(s4, p0[chunk * 1 + t1]);
    }
    const float t6 = eq_column(eq_sum(), s4, m5);
    const float t7 = n1 == 0 ? 0.0f : t6;
    if (t3) {
      p1[0] = t7;
    }
  }
}
