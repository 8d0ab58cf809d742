#include "archive/early_sync.hpp"
#include "stream/file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <thread>

namespace miraclemax::archive {
namespace {

constexpr std::uint64_t plenty = std::uint64_t{1} << 30U;

constexpr int bad = -1; // a sync of it fails

TEST(EarlySync, GoesOnWhereAllIsWell) {
    const stream::Descriptor here(::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    EarlySync early(here.get());
    for (std::uint64_t bytes = 0; bytes < plenty; bytes += plenty / 8)
        early.written(bytes);
    EXPECT_NO_THROW(early.finish());
}

// The kernel tells a descriptor once that something was lost: the last sync could succeed.
TEST(EarlySync, WhatASyncOnTheWayCouldNotWriteIsTold) {
    EarlySync early(bad);
    std::uint64_t bytes = 0;
    const auto unpack_on = [&] {
        for (;; std::this_thread::yield())
            early.written(bytes += plenty);
    };
    EXPECT_THROW(unpack_on(), Error);
    EXPECT_THROW(early.finish(), Error);
}

TEST(EarlySync, TheLastSyncIsItsOwn) {
    EarlySync early(bad);
    early.written(1);
    EXPECT_THROW(early.finish(), Error);
}

} // namespace
} // namespace miraclemax::archive
