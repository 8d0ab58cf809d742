#include "scratch.hpp"

#include "error.hpp"
#include "stream/digest.hpp"
#include "stream/file.hpp"
#include "stream/gzip.hpp"
#include "stream/gzip_stored.hpp"
#include "stream/zstd.hpp"

#include <thread>

namespace miraclemax::stream {
namespace {

using namespace testing;

constexpr std::size_t block = std::size_t{1} << 20U;

// Fails at its n-th write.
class FailingSink : public Sink {
public:
    explicit FailingSink(int good) : left_(good) {}
    void write(Bytes) override {
        if (left_-- == 0) {
            throw Error(ExitCode::destination, "the disk is full");
        }
    }
    void finish() override {}

private:
    int left_;
};

class ThreadSink : public StringSink {
public:
    void write(Bytes bytes) override {
        same_ = same_ && std::this_thread::get_id() == thread_;
        StringSink::write(bytes);
    }
    [[nodiscard]] bool same() const { return same_; }

private:
    std::thread::id thread_ = std::this_thread::get_id();
    bool same_ = true;
};

class Gzip : public ::testing::TestWithParam<std::tuple<std::size_t, int, unsigned>> {};

TEST_P(Gzip, IsReadByStockGunzip) {
    const auto [size, level, threads] = GetParam();
    const Scratch scratch;
    const std::string plain = mixture(size);
    {
        FileSink file(scratch / "x.gz");
        const auto gzip = gzip_to(file, level, threads);
        feed(*gzip, plain);
        gzip->finish();
    }
    ASSERT_EQ(run("gzip -t '" + (scratch / "x.gz").string() + "'"), 0);
    ASSERT_EQ(run("gunzip -c '" + (scratch / "x.gz").string() + "' > '" + (scratch / "x").string() + "'"), 0);
    EXPECT_TRUE(content_of(scratch / "x") == plain);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Gzip,
                         ::testing::Combine(::testing::Values(0, 1, 2, block - 1, block, block + 1, 2 * block,
                                                              10 * block + 12345),
                                            ::testing::Values(1), ::testing::Values(1U, 3U)));
INSTANTIATE_TEST_SUITE_P(Levels, Gzip,
                         ::testing::Combine(::testing::Values(0, 3 * block + 7),
                                            ::testing::Values(0, 2, 3, 9), ::testing::Values(2U)));

std::string noise(std::size_t size) {
    std::mt19937_64 random(7);
    std::string bytes(size, '\0');
    for (char& c : bytes) {
        c = static_cast<char>(random());
    }
    return bytes;
}

std::string gzipped(const std::string& plain) {
    StringSink packed;
    const auto gzip = gzip_to(packed, 1, 2);
    feed(*gzip, plain);
    gzip->finish();
    return packed.content();
}

class Stored : public ::testing::TestWithParam<std::size_t> {};

TEST_P(Stored, MemberIsReadByStockGunzip) {
    const Scratch scratch;
    const std::string plain = noise(GetParam());
    std::vector<std::byte> packed(stored_size(plain.size()));
    ASSERT_EQ(store_member(std::as_bytes(std::span(plain)), packed), packed.size());
    FileSink file(scratch / "x.gz");
    file.write(packed);
    file.finish();
    ASSERT_EQ(run("gunzip -c '" + (scratch / "x.gz").string() + "' > '" + (scratch / "x").string() + "'"), 0);
    EXPECT_TRUE(content_of(scratch / "x") == plain);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Stored, ::testing::Values(0, 1, 65535, 65536, 131070, 131071, block));

TEST(GzipTo, StoresNoiseAsItIs) {
    EXPECT_EQ(gzipped(noise(3 * block)).size(), 3 * stored_size(block));
}

// Byte by byte it is as even as noise.
TEST(GzipTo, CompressesNoiseThatRepeatsItself) {
    const std::string once = noise(1500);
    std::string plain;
    while (plain.size() < 2 * block) {
        plain += once;
    }
    EXPECT_LT(gzipped(plain).size(), block);
}

TEST(GzipTo, CompressesTextBesideNoise) {
    std::string plain = noise(block);
    plain.replace(0, block / 4, block / 4, 'x');
    EXPECT_LT(gzipped(plain).size(), block * 13 / 16);
}

TEST(GzipTo, NoiseGrowsByLittleAndTextShrinks) {
    const std::string plain = noise(3 * block);
    for (const int level : {0, 1, 2, 3}) {
        StringSink packed;
        const auto gzip = gzip_to(packed, level, 2);
        feed(*gzip, plain);
        gzip->finish();
        EXPECT_LT(packed.content().size(), plain.size() + plain.size() / 100) << level;
    }
    EXPECT_LT(gzipped(std::string(3 * block, 'x')).size(), block / 10);
}

TEST(GzipTo, IsTheSameWithEveryNumberOfThreadsAndWrittenByTheCallingThread) {
    const std::string plain = mixture(9 * block + 3);
    std::string first;
    for (const unsigned threads : {1U, 2U, 5U, 0U}) {
        ThreadSink packed;
        const auto gzip = gzip_to(packed, 1, threads);
        feed(*gzip, plain, 3 * block);
        EXPECT_FALSE(packed.finished());
        gzip->finish();
        EXPECT_TRUE(packed.finished());
        EXPECT_TRUE(packed.same());
        first = first.empty() ? packed.content() : first;
        EXPECT_TRUE(first == packed.content()) << threads;
    }
}

TEST(GzipTo, PassesOnTheErrorOfTheNextSink) {
    const std::string plain = mixture(20 * block);
    for (const unsigned threads : {1U, 3U}) {
        FailingSink full(2);
        const auto gzip = gzip_to(full, 1, threads);
        try {
            feed(*gzip, plain);
            gzip->finish();
            FAIL() << "no error";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::destination);
            EXPECT_STREQ(error.what(), "the disk is full");
        }
    }
}

TEST(GzipTo, CanBeAbandoned) {
    StringSink packed;
    {
        const auto gzip = gzip_to(packed, 3, 4);
        feed(*gzip, mixture(5 * block));
    }
    EXPECT_FALSE(packed.finished());
}

class Zstd : public ::testing::TestWithParam<std::tuple<std::size_t, unsigned>> {};

TEST_P(Zstd, IsReadByStockZstd) {
    if (run("command -v zstd >/dev/null") != 0) {
        GTEST_SKIP() << "no zstd program";
    }
    const auto [size, threads] = GetParam();
    const Scratch scratch;
    const std::string plain = mixture(size);
    {
        FileSink file(scratch / "x.zst");
        const auto zstd = zstd_to(file, 3, threads);
        feed(*zstd, plain);
        zstd->finish();
    }
    ASSERT_EQ(run("zstd -q -d '" + (scratch / "x.zst").string() + "' -o '" + (scratch / "x").string() + "'"),
              0);
    EXPECT_TRUE(content_of(scratch / "x") == plain);
    EXPECT_EQ(run("zstd -lv '" + (scratch / "x.zst").string() + "' 2>&1 | grep -q 'Check: XXH64'"), 0);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Zstd,
                         ::testing::Combine(::testing::Values(0, 1, block, 10 * block + 1),
                                            ::testing::Values(1U, 2U)));

TEST(ZstdTo, PassesOnTheErrorOfTheNextSink) {
    FailingSink full(0);
    const auto zstd = zstd_to(full, 1, 2);
    EXPECT_THROW(
        {
            feed(*zstd, mixture(20 * block));
            zstd->finish();
        },
        Error);
}

} // namespace
} // namespace miraclemax::stream
