// What is sorted: entries, each a key and the place it came from, so that no two are equal and every order is
// stable. A key of up to 32 bits stands above its place in one u64; wider keys have their place beside them.
typedef struct {
  u64 key, place;
} wide;
typedef wide stored_wide;
typedef wide computed_wide;
DEVICE wide load_wide(GLOBAL const wide* from, i64 index) { return from[index]; }
DEVICE void store_wide(GLOBAL wide* to, i64 index, wide value) { to[index] = value; }

DEVICE bool isBefore_u64(u64 a, u64 b) { return a < b; }
DEVICE bool isBefore_wide(wide a, wide b) { return a.key < b.key || (a.key == b.key && a.place < b.place); }
// Behind all others.
DEVICE u64 last_u64() { return ~(u64)0; }
DEVICE wide last_wide() {
  wide entry;
  entry.key = entry.place = ~(u64)0;
  return entry;
}
DEVICE u64 entry_u64(u64 key, i64 place) { return key << 32 | (u64)place; }
DEVICE wide entry_wide(u64 key, i64 place) {
  wide entry;
  entry.key = key;
  entry.place = (u64)place;
  return entry;
}
DEVICE u64 keyOf_u64(u64 entry) { return entry >> 32; }
DEVICE u64 keyOf_wide(wide entry) { return entry.key; }
DEVICE i64 placeOf_u64(u64 entry) { return (i64)(entry & 0xffffffff); }
DEVICE i64 placeOf_wide(wide entry) { return (i64)entry.place; }
