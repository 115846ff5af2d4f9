/* Functions that take and return structures of every class of the System V convention. */
#include <stdint.h>
typedef struct { int32_t a, b; } Two;
typedef struct { float x, y; } FF;
typedef struct { float x, y, z; } FFF;
typedef struct { double d; int64_t i; } DI;
typedef struct { int64_t a, b, c; } Three;
typedef struct { uint8_t b[12]; } Bytes;
typedef struct { int64_t p; uint64_t n; } Str;
typedef struct { char c; } One;
int64_t abi_two(Two t) { return t.a * 1000LL + t.b; }
Two abi_mk_two(int32_t a, int32_t b) { Two t = {a, b}; return t; }
double abi_ff(FF f, FFF g) { return f.x + f.y * 10 + g.x * 100 + g.y * 1000 + g.z * 10000; }
FF abi_mk_ff(float x, float y) { FF f = {x, y}; return f; }
FFF abi_mk_fff(float x) { FFF f = {x, x + 1, x + 2}; return f; }
double abi_di(DI d) { return d.d + d.i; }
DI abi_mk_di(double d, int64_t i) { DI x = {d * 2, i * 2}; return x; }
int64_t abi_three(int64_t k, Three t, int64_t l) { return k + t.a * 10 + t.b * 100 + t.c * 1000 + l * 10000; }
Three abi_mk_three(int64_t a) { Three t = {a, a + 1, a + 2}; return t; }
int64_t abi_straddle(int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, Str s, int64_t g, Str t) { return a + b + c + d + e + s.p * 10 + s.n * 100 + g * 1000 + t.p * 10000 + t.n * 100000; }
int64_t abi_bytes(Bytes b) { int64_t s = 0; for (int i = 0; i < 12; i++) s = s * 3 + b.b[i]; return s; }
Bytes abi_mk_bytes(int s) { Bytes b; for (int i = 0; i < 12; i++) b.b[i] = s + i; return b; }
int abi_one(One o, int8_t x, uint8_t y, _Bool z) { return o.c + x + y + z; }
double abi_mixed(double a, Two t, float b, DI d, int64_t k, FF f) { return a + t.a + t.b + b + d.d + d.i + k + f.x + f.y; }
int64_t abi_callback(int64_t (*f)(int64_t, double), int64_t n) { int64_t s = 0; for (int64_t i = 0; i < n; i++) s += f(i, i * 0.5); return s; }
