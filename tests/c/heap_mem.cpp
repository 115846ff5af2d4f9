// heap_mem<T>, and kmem's default argument, from C++.
#include <cstdio>
#include <utility>

#include "vex_heap_mem.hpp"

struct point
{
    std::int32_t x, y;
};

static heap_mem<point> make()
{
    heap_mem<point> made(3, "Points");
    made[2].y = 7;
    return made;
}

int main(int argc, char **)
{
    void *plain = kmem_allocate(44);
    std::printf("%u\n", static_cast<unsigned>(kmem_sizeof_allocation(plain)));
    kmem_release(&plain);
    std::printf("%d\n", plain == nullptr);

    heap_mem<int> pair(2, "A pair of ints");
    pair[1] = 1234;
    std::printf("%d %d %zu %zu\n", pair[0], pair[1], pair.count(), pair.size_in_bytes());
    std::printf("%u\n", static_cast<unsigned>(kmem_sizeof_allocation(pair.data())));

    heap_mem<point> points = make();
    heap_mem<point> moved(std::move(points));
    std::printf("%d %d %d\n", points.is_null(), moved[2].y, moved[0].x);
    moved = make();
    int sum = 0;
    for (const point &p : moved)
        sum += p.y;
    std::printf("%d\n", sum);

    heap_mem<double> later;
    std::printf("%d\n", later ? 1 : 0);
    later.allocate(10, "Later");
    later.allocate(20, "Later");
    std::printf("%d %d\n", static_cast<int>(vex_kmem_allocations()), static_cast<int>(vex_kmem_in_use()));
    later.release();
    moved.release();
    pair.release();
    std::printf("%d\n", static_cast<int>(vex_kmem_in_use()));
    if (argc > 1)
        std::printf("%d\n", make()[3].x);
    return 0;
}
