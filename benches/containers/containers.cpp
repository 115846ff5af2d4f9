// The same as containers.vx.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <unordered_map>
#include <vector>

using Clock = std::chrono::steady_clock;

static void took(const char *part, Clock::time_point start) {
    auto time = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start);
    std::printf("%s %lld\n", part, static_cast<long long>(time.count()));
}

static int64_t next(int64_t state) {
    uint64_t s = static_cast<uint64_t>(state);
    s ^= s << 13;
    s ^= (s >> 7) & 0x01FFFFFFFFFFFFFF;
    s ^= s << 17;
    return static_cast<int64_t>(s);
}

static int64_t key(int64_t i) { return i * 2654435761 % 1000003; }

int main() {
    volatile int64_t count = 10000000;
    auto start = Clock::now();
    std::vector<int64_t> pushed;
    for (int64_t i = 0, n = count; i < n; i++) pushed.push_back(i * 7 % 1000003);
    took("push", start);

    start = Clock::now();
    int64_t sum = 0;
    for (int round = 0; round < 5; round++) {
        for (int64_t x : pushed) sum += x;
        asm volatile("" : "+r"(sum) : : "memory");
    }
    took("sum", start);

    std::vector<int64_t> numbers;
    int64_t state = 88172645463325252;
    for (int i = 0; i < 1000000; i++) numbers.push_back(state = next(state));
    start = Clock::now();
    std::stable_sort(numbers.begin(), numbers.end());
    took("sort", start);

    start = Clock::now();
    std::unordered_map<int64_t, int64_t> table;
    for (int64_t i = 0; i < 1000000; i++) table[key(i)] = i;
    took("insert", start);

    start = Clock::now();
    int64_t found = 0;
    for (int64_t i = 0; i < 1000000; i++) {
        auto it = table.find(key(i));
        if (it != table.end()) found += it->second;
    }
    took("lookup", start);
    std::printf("check %lld\n", static_cast<long long>(sum + found + numbers[500000] % 1000 + static_cast<int64_t>(table.size())));
}
