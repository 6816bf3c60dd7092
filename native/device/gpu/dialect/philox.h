// Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, 2011), and normal numbers of its bits in float arithmetic: the
// same numbers as cpu/kernels/random.cpp makes.

// Draws 4 counter .. 4 counter + 3 of a seed; `high` is the third word of the counter.
DEVICE void philox(u64 seed, u64 counter, u32 high, u32* to) {
  u32 c0 = (u32)counter, c1 = (u32)(counter >> 32), c2 = high, c3 = 0;
  u32 key0 = (u32)seed, key1 = (u32)(seed >> 32);
  for (i32 round = 0; round < 10; round++) {
    const u32 high0 = HIGH_U32(0xD2511F53u, c0), low0 = 0xD2511F53u * c0;
    const u32 high1 = HIGH_U32(0xCD9E8D57u, c2), low1 = 0xCD9E8D57u * c2;
    c0 = high1 ^ c1 ^ key0;
    c1 = low1;
    c2 = high0 ^ c3 ^ key1;
    c3 = low0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  to[0] = c0;
  to[1] = c1;
  to[2] = c2;
  to[3] = c3;
}

// ln((bits + 1/2) / 2^32), within 2 ulp: below sqrt(1/2) of the number itself, above it of its distance from
// 1, which is exact where the number is not. The polynomial is that of cpu/math.h.
DEVICE f32 logOfDraw(u32 bits) {
  const u32 parts = BITS_OF_F32(((f32)bits + 0.5f) * 2.3283064365386963e-10f) - 0x3f3504f3u;
  const i32 exponent = (i32)parts >> 23;
  const f32 e = (f32)exponent;
  const f32 f = exponent < 0 ? F32_OF_BITS((parts & 0x007fffffu) + 0x3f3504f3u) - 1.0f
                             : ((f32)(~bits) + 0.5f) * -2.3283064365386963e-10f;
  f32 p = 0.06746601313352585f;
  p = p * f - 0.11675640940666199f;
  p = p * f + 0.11888174712657928f;
  p = p * f - 0.12405591458082199f;
  p = p * f + 0.14219550788402557f;
  p = p * f - 0.1666799634695053f;
  p = p * f + 0.2000211924314499f;
  p = p * f - 0.25000008940696716f;
  p = p * f + 0.3333331346511841f;
  const f32 square = f * f;
  const f32 y = p * f * square + e * 1.42860677e-6f - 0.5f * square;
  return (f + y) + e * 0.693145751953125f;
}

// The cosine of bits / 2^32 turns: the nearest quarter is taken off the integer, so that nothing is lost near
// a zero.
DEVICE f32 cosOfDraw(u32 bits) {
  const u32 quarter = (bits + 0x20000000u) >> 30;
  const f32 x = (f32)(i32)(bits - (quarter << 30)) * 1.4629180792671596e-9f;  // 2 pi / 2^32
  const f32 z = x * x;
  const f32 sine =
      x + x * z * (-0.16666654623574112f + z * (0.00833216161837842f + z * -0.00019515395997901f));
  const f32 cosine =
      1.0f - 0.5f * z +
      z * z * (0.041666645695568126f + z * (-0.0013887316851837049f + z * 2.4433223657007402e-05f));
  const f32 size = quarter & 1 ? sine : cosine;
  return ((quarter + 1) & 2) != 0 ? -size : size;
}
