#include "eqsat_cuda.h"

extern "C" __global__ void __launch_bounds__(256, 2) kernel0(eq_i64 n0,
    eq_i64 n1,
    const float* __restrict__ p0,
    float* __restrict__ p1) {
  const eq_i64 t1 = (n0 + 3) / 4;
  const eq_i64 t2 = n1;
  __shared__ float m14[32];
  for (eq_i64 first = (eq_i64)blockIdx.x * blockDim.y; first < t2; first += (eq_i64)gridDim.x * blockDim.y) {
    const eq_i64 t3 = eq_least(first + threadIdx.y, t2 - 1);
    const bool t4 = first + threadIdx.y < t2;
    const eq_i64 t5 = t4 ? t1 : 0;
    float s6 = eq_float_of(0xff800000u);
    float h13[4][4];
    EQ_UNROLL for (int k7 = 0; k7 < 4; ++k7) {
      const eq_i64 t8 = threadIdx.x + k7 * (eq_i64)blockDim.x;
      if (t8 < t5) {
        const eq_i64 t9 = t8 * 4;
        const int t10 = (int)eq_least(4, n0 - t9);
        eq_load<4>(h13[k7], p0 + t3 * n0 + t9, t10);
        EQ_UNROLL for (int v11 = 0; v11 < 4; ++v11) {
          const eq_i64 t12 = t9 + (v11 < t10 ? v11 : t10 - 1);
          s6 = eq_max()(s6, h13[k7][v11]);
        }
      }
    }
    const float t15 = eq_team(eq_max(), s6, m14);
    const float t16 = t15;
    float s17 = -0.0f;
    float h27[4][4];
    EQ_UNROLL for (int k18 = 0; k18 < 4; ++k18) {
      const eq_i64 t19 = threadIdx.x + k18 * (eq_i64)blockDim.x;
      if (t19 < t5) {
        const eq_i64 t20 = t19 * 4;
        const int t21 = (int)eq_least(4, n0 - t20);
        EQ_UNROLL for (int v22 = 0; v22 < 4; ++v22) {
          const eq_i64 t23 = t20 + (v22 < t21 ? v22 : t21 - 1);
          const float t24 = (h13[k18][v22] - t16);
          const float t25 = exp(t24);
          const float t26 = v22 < t21 ? t25 : -0.0f;
          s17 = eq_sum()(s17, t26);
          h27[k18][v22] = t25;
        }
      }
    }
    const float t28 = eq_team(eq_sum(), s17, m14);
    const float t29 = n0 == 0 ? 0.0f : t28;
    EQ_UNROLL for (int k30 = 0; k30 < 4; ++k30) {
      const eq_i64 t31 = threadIdx.x + k30 * (eq_i64)blockDim.x;
      if (t31 < t5) {
        const eq_i64 t32 = t31 * 4;
        const int t33 = (int)eq_least(4, n0 - t32);
        float r37[4];
        EQ_UNROLL for (int v34 = 0; v34 < 4; ++v34) {
          const eq_i64 t35 = t32 + (v34 < t33 ? v34 : t33 - 1);
          const float t36 = (h27[k30][v34] / t29);
          r37[v34] = t36;
        }
        eq_store<4>(p1 + t3 * n0 + t32, r37, t33);
      }
    }
  }
}

extern "C" __global__ void kernel1(eq_i64 n0,
    eq_i64 n1,
    const float* __restrict__ p0,
    float* __restrict__ p1) {
  const eq_i64 t1 = (n0 + 3) / 4;
  const eq_i64 t2 = n1;
  __shared__ float m13[32];
  for (eq_i64 first = (eq_i64)blockIdx.x * blockDim.y; first < t2; first += (eq_i64)gridDim.x * blockDim.y) {
    const eq_i64 t3 = eq_least(first + threadIdx.y, t2 - 1);
    const bool t4 = first + threadIdx.y < t2;
    const eq_i64 t5 = t4 ? t1 : 0;
    float s6 = eq_float_of(0xff800000u);
    for (eq_i64 g7 = threadIdx.x; g7 < t5; g7 += blockDim.x) {
      const eq_i64 t8 = g7 * 4;
      const int t9 = (int)eq_least(4, n0 - t8);
      float a12[4];
      eq_load<4>(a12, p0 + t3 * n0 + t8, t9);
      EQ_UNROLL for (int v10 = 0; v10 < 4; ++v10) {
        const eq_i64 t11 = t8 + (v10 < t9 ? v10 : t9 - 1);
        s6 = eq_max()(s6, a12[v10]);
      }
    }
    const float t14 = eq_team(eq_max(), s6, m13);
    const float t15 = t14;
    float s16 = -0.0f;
    for (eq_i64 g17 = threadIdx.x; g17 < t5; g17 += blockDim.x) {
      const eq_i64 t18 = g17 * 4;
      const int t19 = (int)eq_least(4, n0 - t18);
      float a22[4];
      eq_load<4>(a22, p0 + t3 * n0 + t18, t19);
      float r26[4];
      EQ_UNROLL for (int v20 = 0; v20 < 4; ++v20) {
        const eq_i64 t21 = t18 + (v20 < t19 ? v20 : t19 - 1);
        const float t23 = (a22[v20] - t15);
        const float t24 = exp(t23);
        const float t25 = v20 < t19 ? t24 : -0.0f;
        s16 = eq_sum()(s16, t25);
        r26[v20] = t24;
      }
      eq_store<4>(p1 + t3 * n0 + t18, r26, t19);
    }
    const float t27 = eq_team(eq_sum(), s16, m13);
    const float t28 = n0 == 0 ? 0.0f : t27;
    for (eq_i64 g29 = threadIdx.x; g29 < t5; g29 += blockDim.x) {
      const eq_i64 t30 = g29 * 4;
      const int t31 = (int)eq_least(4, n0 - t30);
      float a34[4];
      eq_load<4>(a34, p1 + t3 * n0 + t30, t31);
      float r36[4];
      EQ_UNROLL for (int v32 = 0; v32 < 4; ++v32) {
        const eq_i64 t33 = t30 + (v32 < t31 ? v32 : t31 - 1);
        const float t35 = (a34[v32] / t28);
        r36[v32] = t35;
      }
      eq_store<4>(p1 + t3 * n0 + t30, r36, t31);
    }
  }
}
