// name(shared, value): for each lane of a group the values of all lanes up to it joined, in an order that
// never changes; shared[LANES - 1] holds those of all until the next call. COMBINE is an expression of a and
// b, where a stands before b. All lanes must call it.
#define GROUP_SCAN(name, Type, COMBINE)                           \
  DEVICE Type name(LOCAL Type* shared, Type value) {              \
    const i32 lane = LANE;                                        \
    BARRIER();                                                    \
    shared[lane] = value;                                         \
    for (i32 distance = 1; distance < LANES; distance *= 2) {     \
      BARRIER();                                                  \
      Type joined_value = shared[lane];                           \
      if (lane >= distance) {                                     \
        const Type a = shared[lane - distance], b = joined_value; \
        joined_value = (COMBINE);                                 \
      }                                                           \
      BARRIER();                                                  \
      shared[lane] = joined_value;                                \
    }                                                             \
    BARRIER();                                                    \
    return shared[lane];                                          \
  }
