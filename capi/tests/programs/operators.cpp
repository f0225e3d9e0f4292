// C++'s operators in all forms, and what they do without memory; static constructors and destructors that allocate.
#include "check.h"

#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

static volatile std::size_t too_much = PTRDIFF_MAX;

// Allocates before main, frees after it.
static std::map<std::string, std::vector<int>> before_main = {{"one", {1, 2, 3}}, {"two", std::vector<int>(10000, 2)}};

struct alignas(64) Wide {
    char bytes[192];
};

static int handled = 0;

static void give_up_the_third_time() {
    if (++handled == 3) std::set_new_handler(nullptr);
}

struct HandlerSays : std::bad_alloc {};

static void throw_from_handler() { throw HandlerSays(); }

template <typename Call> static bool throws_bad_alloc(Call call) {
    try {
        call();
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

static void forms() {
    const std::align_val_t wide{256};
    for (std::size_t size : {0, 1, 16, 1000, 100000, 40 << 20}) {
        ::operator delete(::operator new(size));
        ::operator delete(::operator new(size), size);
        ::operator delete(::operator new(size, std::nothrow), std::nothrow);
        ::operator delete[](::operator new[](size));
        ::operator delete[](::operator new[](size), size);
        ::operator delete[](::operator new[](size, std::nothrow), std::nothrow);
        void *block = ::operator new(size, wide);
        CHECK(is_aligned(block, 256));
        ::operator delete(block, wide);
        ::operator delete(::operator new(size, wide), size, wide);
        ::operator delete(::operator new(size, wide, std::nothrow), wide, std::nothrow);
        ::operator delete[](::operator new[](size, wide), wide);
        ::operator delete[](::operator new[](size, wide), size, wide);
        ::operator delete[](::operator new[](size, wide, std::nothrow), wide, std::nothrow);
    }
    ::operator delete(nullptr);
    void *one = ::operator new(0), *other = ::operator new(0);
    CHECK(one != nullptr && one != other && cenote_owns(one));
    ::operator delete(one);
    ::operator delete(other);
    auto single = std::make_unique<Wide>();
    std::vector<Wide> many(10);
    CHECK(is_aligned(single.get(), 64) && is_aligned(many.data(), 64));
}

static void without_memory() {
    const std::align_val_t wide{256};
    CHECK(throws_bad_alloc([] { ::operator delete(::operator new(too_much)); }));
    CHECK(throws_bad_alloc([] { ::operator delete[](::operator new[](too_much)); }));
    CHECK(throws_bad_alloc([=] { ::operator delete(::operator new(too_much, wide), wide); }));
    CHECK(throws_bad_alloc([=] { ::operator delete[](::operator new[](too_much, wide), wide); }));
    CHECK(::operator new(too_much, std::nothrow) == nullptr);
    CHECK(::operator new[](too_much, std::nothrow) == nullptr);
    CHECK(::operator new(too_much, wide, std::nothrow) == nullptr);
    CHECK(::operator new[](too_much, wide, std::nothrow) == nullptr);

    std::set_new_handler(give_up_the_third_time);
    CHECK(throws_bad_alloc([] { ::operator delete(::operator new(too_much)); }));
    CHECK(handled == 3);

    // What a handler throws passes through; operators that do not throw return null.
    std::set_new_handler(throw_from_handler);
    bool passed = false;
    try {
        ::operator delete(::operator new(too_much));
    } catch (const HandlerSays &) {
        passed = true;
    }
    CHECK(passed);
#ifndef STATIC
    CHECK(::operator new(too_much, std::nothrow) == nullptr);
    CHECK(::operator new(too_much, wide, std::nothrow) == nullptr);
#endif
    std::set_new_handler(nullptr);
}

static void threads() {
    std::vector<std::thread> running;
    for (int i = 0; i < 4; i++) {
        running.emplace_back([] {
            for (int round = 0; round < 50; round++) {
                std::map<int, std::string> map;
                for (int n = 0; n < 500; n++) map[n] = std::string(n % 200, 'x');
                std::string all;
                for (auto &entry : map) all += entry.second;
                CHECK(throws_bad_alloc([] { ::operator delete(::operator new(too_much)); }));
            }
        });
    }
    for (auto &thread : running) thread.join();
}

int main() {
    check_interposed();
    CHECK(before_main["two"].size() == 10000);
    forms();
    without_memory();
    threads();
    puts("ok");
    return 0;
}
