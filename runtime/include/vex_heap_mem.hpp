// heap_mem<T>: a typed, owning view of one kmem allocation.
//
//     heap_mem<int> pair(2, "A pair of ints");
//     pair[1] = 1234;                           // pair[0] == 0
//
// The elements are zeroed. T must be plain data: the memory is neither
// constructed nor destructed. The allocation is released with its owner, which
// can be moved and not copied. An index out of range is an assertion failure in
// every build.
#ifndef VEX_HEAP_MEM_HPP
#define VEX_HEAP_MEM_HPP

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <type_traits>
#include <utility>

#include "vex_kmem.h"

template <typename T>
class heap_mem
{
    static_assert(std::is_trivially_copyable<T>::value && std::is_trivially_destructible<T>::value,
                  "heap_mem is for plain data: T must be trivially copyable and destructible");
    static_assert(alignof(T) <= 16, "kmem's blocks are 16-aligned");

public:
    // Holds no allocation yet.
    heap_mem() noexcept = default;

    // Allocates `count` zeroed elements.
    explicit heap_mem(std::size_t count, const char *reason = "") { allocate(count, reason); }

    heap_mem(const heap_mem &) = delete;
    heap_mem &operator=(const heap_mem &) = delete;

    heap_mem(heap_mem &&other) noexcept { swap(other); }

    heap_mem &operator=(heap_mem &&other) noexcept
    {
        heap_mem moved(std::move(other));
        swap(moved);
        return *this;
    }

    ~heap_mem() { release(); }

    // Allocates `count` zeroed elements, releasing what was held before.
    void allocate(std::size_t count, const char *reason = "")
    {
        release();
        // kmem takes an int; a product that does not fit one is a request kmem
        // refuses, with the reason in its message.
        const std::size_t most = static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max());
        const std::size_t bytes = count > most / sizeof(T) ? most : count * sizeof(T);
        data_ = static_cast<T *>(kmem_allocate(static_cast<std::int32_t>(bytes), reason));
        count_ = count;
    }

    // Releases the allocation, if there is one.
    void release() noexcept
    {
        void *mem = data_;
        kmem_release(&mem);
        data_ = nullptr;
        count_ = 0;
    }

    void swap(heap_mem &other) noexcept
    {
        std::swap(data_, other.data_);
        std::swap(count_, other.count_);
    }

    T &operator[](std::size_t index) { return data_[checked(index)]; }
    const T &operator[](std::size_t index) const { return data_[checked(index)]; }

    T *data() noexcept { return data_; }
    const T *data() const noexcept { return data_; }

    T *begin() noexcept { return data_; }
    T *end() noexcept { return data_ + count_; }
    const T *begin() const noexcept { return data_; }
    const T *end() const noexcept { return data_ + count_; }

    // Elements, and the bytes they take.
    std::size_t count() const noexcept { return count_; }
    std::size_t size_in_bytes() const noexcept { return count_ * sizeof(T); }

    bool is_null() const noexcept { return data_ == nullptr; }
    explicit operator bool() const noexcept { return data_ != nullptr; }

private:
    std::size_t checked(std::size_t index) const
    {
        if (index >= count_)
        {
            std::fprintf(stderr, "heap_mem: index %zu of %zu elements\n", index, count_);
            std::abort();
        }
        return index;
    }

    T *data_ = nullptr;
    std::size_t count_ = 0;
};

#endif
