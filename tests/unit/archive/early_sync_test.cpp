#include "archive/early_sync.hpp"
#include "stream/file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>

namespace miraclemax::archive {
namespace {

constexpr std::uint64_t plenty = std::uint64_t{1} << 30U;

TEST(EarlySync, SyncsWhileMoreIsWritten) {
    const stream::Descriptor here(::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    EarlySync early(here.get());
    for (std::uint64_t bytes = 0; bytes < plenty; bytes += plenty / 8)
        early.written(bytes);
    EXPECT_NO_THROW(early.finish());
}

// The kernel tells a descriptor once that something was lost: the last sync could succeed.
TEST(EarlySync, WhatCouldNotBeWrittenIsTold) {
    for (bool told = false; !told;) { // until the thread comes to it before the end
        EarlySync early(-1);
        early.written(plenty);
        try {
            early.finish();
        } catch (const Error& error) {
            EXPECT_THAT(error.what(), testing::HasSubstr("Bad file descriptor"));
            told = true;
        }
    }
}

TEST(EarlySync, NothingIsSyncedForALittle) {
    EarlySync early(-1);
    early.written(1);
    EXPECT_NO_THROW(early.finish());
}

} // namespace
} // namespace miraclemax::archive
