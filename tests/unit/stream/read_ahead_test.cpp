#include "stream/read_ahead.hpp"

#include "error.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace miraclemax::stream {
namespace {

// Gives so many numbered bytes, and then fails or ends. Tells in which thread it was read.
class Numbered : public Source {
public:
    Numbered(std::size_t size, bool fails) : size_(size), fails_(fails) {}
    std::size_t read(std::span<std::byte> into) override {
        reader = std::this_thread::get_id();
        if (at_ == size_ && fails_) {
            failed = true;
            throw Error(ExitCode::damaged, "it is damaged here");
        }
        const std::size_t count = std::min({into.size(), size_ - at_, std::size_t{10007}});
        for (std::size_t i = 0; i < count; ++i)
            into[i] = byte(at_ + i);
        at_ += count;
        given = at_;
        return count;
    }
    static std::byte byte(std::size_t at) { return static_cast<std::byte>(at * 2654435761U >> 13U); }
    std::atomic<std::size_t> given = 0;
    std::atomic<bool> failed = false;
    std::thread::id reader;

private:
    std::size_t size_;
    bool fails_;
    std::size_t at_ = 0;
};

// Reads to the end, or to what it throws; the bytes must be the numbered ones.
std::size_t drain(Source& source) {
    std::vector<std::byte> buffer(70001);
    std::size_t at = 0;
    while (const std::size_t count = source.read(buffer)) {
        for (std::size_t i = 0; i < count; ++i)
            if (buffer[i] != Numbered::byte(at + i))
                throw std::runtime_error("byte " + std::to_string(at + i) + " is another one");
        at += count;
    }
    return at;
}

TEST(ReadAhead, GivesTheSameBytesFromAnotherThread) {
    constexpr std::size_t size = 20'000'003; // the ring goes round several times
    Numbered source(size, false);
    {
        ReadAhead ahead(source);
        EXPECT_EQ(drain(ahead), size);
        std::array<std::byte, 8> more{};
        EXPECT_EQ(ahead.read(more), 0U) << "the end stays the end";
    }
    EXPECT_NE(source.reader, std::this_thread::get_id());
}

TEST(ReadAhead, EndsAtOnceWhenThereIsNothing) {
    Numbered source(0, false);
    ReadAhead ahead(source);
    EXPECT_EQ(drain(ahead), 0U);
}

TEST(ReadAhead, TellsTheFailureAfterTheBytesBeforeIt) {
    constexpr std::size_t size = 3'000'000; // all fits into the ring
    Numbered source(size, true);
    ReadAhead ahead(source);
    while (!source.failed)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(20)); // and it is told to the reader
    std::vector<std::byte> buffer(100'000);
    std::size_t read = 0;
    try {
        while (const std::size_t count = ahead.read(buffer))
            read += count;
        FAIL() << "it has swallowed the failure";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::damaged);
        EXPECT_STREQ(error.what(), "it is damaged here");
    }
    EXPECT_EQ(read, size);
    EXPECT_THROW((void)ahead.read(buffer), Error) << "nobody may take it for the end afterwards";
}

TEST(ReadAhead, ReadsOnlySoFarAndLetsGo) {
    constexpr std::size_t size = 50'000'000;
    Numbered source(size, false);
    {
        ReadAhead ahead(source);
        std::array<std::byte, 1> first{};
        ASSERT_EQ(ahead.read(first), 1U);
        std::size_t before = 0;
        do { // until it has stopped by itself
            before = source.given;
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        } while (before == 0 || source.given != before);
    } // doesn't wait for ever
    EXPECT_LT(source.given, 6'000'000U) << "memory must not grow with what is read";
}

} // namespace
} // namespace miraclemax::stream
