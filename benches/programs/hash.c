/* Memory at random: an open-addressing hash table, four million insertions and as many lookups. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    int64_t *keys, *values, mask, used;
} Table;

static Table table_new(int64_t bits) {
    size_t slots = (size_t)1 << bits;
    Table t = {calloc(slots, 8), calloc(slots, 8), ((int64_t)1 << bits) - 1, 0};
    return t;
}

static int64_t slot(int64_t key, int64_t mask) {
    int64_t h = (int64_t)((uint64_t)key * (uint64_t)-7046029254386353131);
    return ((int64_t)((uint64_t)h >> 32) ^ h) & mask;
}

static void insert(Table *t, int64_t key, int64_t value);

static void grow(Table *t) {
    int64_t bits = 1;
    while (((int64_t)1 << bits) <= t->mask) bits++;
    Table bigger = table_new(bits + 1);
    for (int64_t i = 0; i <= t->mask; i++)
        if (t->keys[i]) insert(&bigger, t->keys[i], t->values[i]);
    free(t->keys);
    free(t->values);
    *t = bigger;
}

static void insert(Table *t, int64_t key, int64_t value) {
    if (t->used * 4 > t->mask * 3) grow(t);
    int64_t i = slot(key, t->mask);
    while (t->keys[i]) {
        if (t->keys[i] == key) {
            t->values[i] = value;
            return;
        }
        i = (i + 1) & t->mask;
    }
    t->keys[i] = key;
    t->values[i] = value;
    t->used++;
}

static int64_t get(const Table *t, int64_t key) {
    int64_t i = slot(key, t->mask);
    while (t->keys[i]) {
        if (t->keys[i] == key) return t->values[i];
        i = (i + 1) & t->mask;
    }
    return -1;
}

int main(void) {
    Table table = table_new(4);
    int64_t seed = 42, sum = 0;
    for (int64_t i = 0; i < 4000000; i++) {
        seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF;
        insert(&table, (seed & 0xFFFFF) + 1, i);
    }
    for (int64_t i = 0; i < 4000000; i++) sum += get(&table, i & 0x1FFFFF);
    printf("%ld %ld\n", (long)table.used, (long)sum);
    free(table.keys);
    free(table.values);
    return 0;
}
