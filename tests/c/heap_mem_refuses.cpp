// Must not compile: a string is not plain data.
#include <string>

#include "vex_heap_mem.hpp"

int main()
{
    heap_mem<std::string> strings(2, "not plain data");
    return 0;
}
