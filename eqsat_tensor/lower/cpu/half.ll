; Conversions of halves for machines that have no instructions for them (no F16C): what LLVM calls
; there.  To nearest, ties to even; a NaN stays a quiet NaN.

define float @__extendhfsf2(half %x) {
  %short = bitcast half %x to i16
  %bits = zext i16 %short to i32
  %size = and i32 %bits, 32767
  %sign.low = and i32 %bits, 32768
  %sign = shl i32 %sign.low, 16
  %shifted = shl i32 %size, 13
  ; a subnormal is a whole number of 2^-24
  %whole = uitofp i32 %size to float
  %scaled = fmul float %whole, 0x3E70000000000000
  %subnormal = bitcast float %scaled to i32
  %normal = add i32 %shifted, 939524096                   ; the bias is larger by 112
  %special = or i32 %shifted, 2139095040
  %quiet = or i32 %special, 4194304
  %is.subnormal = icmp ult i32 %size, 1024
  %is.special = icmp uge i32 %size, 31744
  %is.nan = icmp ugt i32 %size, 31744
  %finite = select i1 %is.subnormal, i32 %subnormal, i32 %normal
  %known = select i1 %is.special, i32 %special, i32 %finite
  %kept = select i1 %is.nan, i32 %quiet, i32 %known
  %signed = or i32 %kept, %sign
  %result = bitcast i32 %signed to float
  ret float %result
}

define half @__truncsfhf2(float %x) {
  %bits = bitcast float %x to i32
  %size = and i32 %bits, 2147483647
  %high = lshr i32 %bits, 16
  %sign = and i32 %high, 32768
  ; beside 0.5 one unit in the last place is 2^-24, that of subnormal halves
  %positive = bitcast i32 %size to float
  %beside = fadd float %positive, 5.0e-01
  %beside.bits = bitcast float %beside to i32
  %subnormal = sub i32 %beside.bits, 1056964608
  %rebiased = sub i32 %size, 939524096
  %last = lshr i32 %rebiased, 13
  %odd = and i32 %last, 1
  %half.less = add i32 %rebiased, 4095
  %half = add i32 %half.less, %odd
  %normal = lshr i32 %half, 13
  %payload = lshr i32 %size, 13
  %payload.low = and i32 %payload, 511
  %nan = or i32 %payload.low, 32256
  %is.subnormal = icmp ult i32 %size, 947912704           ; below 2^-14
  %is.large = icmp uge i32 %size, 1199570944              ; 65536 and above
  %is.nan = icmp ugt i32 %size, 2139095040
  %finite = select i1 %is.subnormal, i32 %subnormal, i32 %normal
  %known = select i1 %is.large, i32 31744, i32 %finite
  %kept = select i1 %is.nan, i32 %nan, i32 %known
  %signed = or i32 %kept, %sign
  %short = trunc i32 %signed to i16
  %result = bitcast i16 %short to half
  ret half %result
}
