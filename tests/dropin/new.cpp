// The operators `new` and `delete`: exceptions, handlers, alignment.
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

static int calls;

static void handler() {
    if (++calls == 3) std::set_new_handler(nullptr);
}

struct Refused {};
static void throwing() { throw Refused(); }

struct alignas(256) Wide {
    char bytes[300];
};

static const std::size_t ABSURD = std::size_t(1) << 62;

static void *volatile sink;

template <class Error, class F> static void throws(const char *what, F f) {
    std::string kept = "destructors run while the exception passes";
    try {
        sink = f();
        std::printf("%s: nothing thrown\n", what);
    } catch (const Error &) {
        std::printf("%s: thrown, %zu\n", what, kept.size());
    }
}

int main() {
    throws<std::bad_alloc>("new", [] { return ::operator new(ABSURD); });
    throws<std::bad_alloc>("new[]", [] { return ::operator new[](ABSURD); });
    throws<std::bad_alloc>("aligned new", [] { return ::operator new(ABSURD, std::align_val_t(64)); });
    throws<std::bad_alloc>("aligned new[]", [] { return ::operator new[](ABSURD, std::align_val_t(64)); });
    std::set_new_handler(handler);
    throws<std::bad_alloc>("new with a handler", [] { return ::operator new(ABSURD); });
    std::printf("the handler was called %d times\n", calls);
    std::set_new_handler(throwing);
    throws<Refused>("new with a handler that throws", [] { return ::operator new(ABSURD); });
    std::set_new_handler(nullptr);
    std::printf("nothrow: %p\n", ::operator new(ABSURD, std::nothrow) ? &calls : nullptr);
    std::printf("nothrow[]: %p\n", ::operator new[](ABSURD, std::nothrow) ? &calls : nullptr);

    auto wide = std::make_unique<Wide>();
    auto many = std::make_unique<Wide[]>(5);
    std::printf("aligned: %d %d\n", int(reinterpret_cast<std::uintptr_t>(wide.get()) % 256),
                int(reinterpret_cast<std::uintptr_t>(many.get()) % 256));
    delete new (std::nothrow) Wide;
    delete new (std::nothrow) int;
    std::map<std::string, std::vector<int>> map;
    for (int i = 0; i < 20000; i++) map["a rather long key, number " + std::to_string(i % 700)].push_back(i);
    std::size_t sum = 0;
    for (auto &entry : map) sum += entry.second.size() * entry.first.size();
    std::printf("containers: %zu\n", sum);
}
