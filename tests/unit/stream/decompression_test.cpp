#include "scratch.hpp"

#include "error.hpp"
#include "stream/decompression.hpp"
#include "stream/digest.hpp"
#include "stream/file.hpp"
#include "stream/gzip.hpp"
#include "stream/zstd.hpp"

#include <cstring>
#include <functional>

namespace miraclemax::stream {
namespace {

using namespace testing;

// Gives a text in pieces of one size, and counts what was taken of it.
class TextSource : public Source {
public:
    explicit TextSource(std::string text, std::size_t most = 1U << 20U)
        : text_(std::move(text)), piece_(most) {}
    std::size_t read(std::span<std::byte> into) override {
        const std::size_t count = std::min({into.size(), piece_, text_.size() - at_});
        std::memcpy(into.data(), text_.data() + at_, count);
        at_ += count;
        return count;
    }
    [[nodiscard]] std::size_t taken() const { return at_; }

private:
    std::string text_;
    std::size_t piece_;
    std::size_t at_ = 0;
};

struct Kind {
    const char* name;
    std::unique_ptr<Source> (*unpack)(Source&);
    std::function<std::unique_ptr<Sink>(Sink&)> pack;
    const char* stock; // stock command that packs stdin
};

std::string unpacked(const Kind& kind, const std::string& packed, std::size_t in = 1U << 20U,
                     std::size_t out = 65536) {
    TextSource source(packed, in);
    const auto from = kind.unpack(source);
    std::string text;
    std::string buffer(out, '\0');
    while (const std::size_t count =
               from->read(std::as_writable_bytes(std::span(buffer.data(), buffer.size())))) {
        text.append(buffer, 0, count);
    }
    EXPECT_EQ(from->read(std::as_writable_bytes(std::span(buffer.data(), buffer.size()))), 0U);
    return text;
}

// "" for what was read well.
std::string why_damaged(const Kind& kind, const std::string& packed, std::size_t in = 1U << 20U) {
    try {
        static_cast<void>(unpacked(kind, packed, in));
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::damaged) << error.what();
        return error.what();
    }
    return {};
}

std::string packed_by(const Kind& kind, const std::string& plain) {
    StringSink packed;
    const auto sink = kind.pack(packed);
    feed(*sink, plain);
    sink->finish();
    return packed.content();
}

std::string packed_by_stock(const std::string& command, const std::string& plain) {
    const Scratch scratch;
    write_file(scratch / "plain", plain);
    EXPECT_EQ(
        run(command + " < '" + (scratch / "plain").string() + "' > '" + (scratch / "out").string() + "'"), 0);
    return content_of(scratch / "out");
}

const Kind gzip_kind{"gzip", gunzip, [](Sink& next) { return gzip_to(next, 1, 2); }, "gzip"};
const Kind zstd_kind{"zstd", unzstd, [](Sink& next) { return zstd_to(next, 3, 2); }, "zstd -q"};

class Decompression : public ::testing::TestWithParam<Kind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, Decompression, ::testing::Values(gzip_kind, zstd_kind),
                         [](const auto& one) { return std::string(one.param.name); });

TEST_P(Decompression, ReadsWhatWeWrite) {
    constexpr std::size_t block = std::size_t{1} << 20U;
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, block - 1, block, 5 * block + 12345}) {
        const std::string plain = mixture(size);
        const std::string packed = packed_by(GetParam(), plain);
        EXPECT_TRUE(unpacked(GetParam(), packed) == plain) << size;
        EXPECT_TRUE(unpacked(GetParam(), packed, 977, 333) == plain) << size;
        EXPECT_TRUE(unpacked(GetParam(), packed, block, 4 * block) == plain) << size;
    }
}

TEST_P(Decompression, ReadsAByteAtATime) {
    const std::string plain = mixture(70'000);
    const std::string packed = packed_by(GetParam(), plain) + packed_by(GetParam(), "more");
    EXPECT_TRUE(unpacked(GetParam(), packed, 1, 1) == plain + "more");
}

TEST_P(Decompression, ReadsStockMembersOneAfterTheOther) {
    const std::string stock = GetParam().stock;
    const std::string one = mixture(300'000);
    const std::string empty = packed_by_stock(stock, "");
    EXPECT_EQ(unpacked(GetParam(), empty), "");
    const std::string all = empty + packed_by_stock(stock + " -9", one) + empty + empty +
                            packed_by_stock(stock + " -1", "end") + empty;
    EXPECT_TRUE(unpacked(GetParam(), all) == one + "end");
    EXPECT_TRUE(unpacked(GetParam(), all, 7, 100) == one + "end");
}

TEST(Gunzip, ReadsAHeaderWithAName) {
    const Scratch scratch;
    write_file(scratch / "a long name.txt", "text");
    ASSERT_EQ(run("gzip -N '" + (scratch / "a long name.txt").string() + "'"), 0);
    for (const std::size_t in : {std::size_t{1}, std::size_t{4096}}) {
        EXPECT_EQ(unpacked(gzip_kind, content_of(scratch / "a long name.txt.gz"), in), "text");
    }
}

TEST_P(Decompression, FindsEveryCut) {
    const std::string packed = packed_by(GetParam(), mixture(3000));
    ASSERT_LT(packed.size(), 4000U);
    for (std::size_t size = 0; size < packed.size(); ++size) {
        EXPECT_NE(why_damaged(GetParam(), packed.substr(0, size)), "") << size;
    }
    // In a later member too; between two there is nothing to see.
    const std::string two = packed + packed_by(GetParam(), "abc");
    for (std::size_t size = packed.size() + 1; size < two.size(); ++size) {
        EXPECT_NE(why_damaged(GetParam(), two.substr(0, size), 64), "") << size;
    }
    EXPECT_NE(why_damaged(GetParam(), "").find("empty"), std::string::npos);
}

TEST_P(Decompression, FindsEveryFlippedBitOfTheTrailer) {
    const std::string packed = packed_by(GetParam(), mixture(3000));
    const std::size_t trailer = GetParam().name == std::string("gzip") ? 8 : 4;
    for (std::size_t at = packed.size() - trailer; at < packed.size(); ++at) {
        for (int bit = 0; bit < 8; ++bit) {
            std::string bad = packed;
            bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
            EXPECT_NE(why_damaged(GetParam(), bad), "") << at << " " << bit;
            EXPECT_NE(why_damaged(GetParam(), bad + packed, 100), "") << at << " " << bit;
        }
    }
}

TEST_P(Decompression, NoFlippedBitGivesAnotherText) {
    const std::string plain = mixture(500);
    const std::string packed = packed_by(GetParam(), plain);
    for (std::size_t bit = 0; bit < packed.size() * 8; ++bit) {
        std::string bad = packed;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
        try {
            EXPECT_TRUE(unpacked(GetParam(), bad) == plain) << bit;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::damaged) << error.what();
        }
    }
}

TEST_P(Decompression, RefusesWhatFollows) {
    const std::string packed = packed_by(GetParam(), "text");
    for (const std::string& tail : {std::string(1, '\0'), std::string(512, '\0'), std::string("garbage"),
                                    std::string("\x1f"), std::string("\x1f\x8b")}) {
        EXPECT_NE(why_damaged(GetParam(), packed + tail), "") << tail.size();
        EXPECT_NE(why_damaged(GetParam(), packed + tail, 1), "") << tail.size();
    }
    EXPECT_NE(why_damaged(GetParam(), "no compression at all"), "");
}

TEST_P(Decompression, ABombIsOnlyReadAsFarAsAsked) {
    // 1 GiB of zeros as 64 times the same 16 MiB.
    const std::string member = packed_by(GetParam(), std::string(std::size_t{16} << 20U, '\0'));
    std::string bomb;
    for (int i = 0; i < 64; ++i) {
        bomb += member;
    }
    TextSource source(bomb, 4096);
    const auto from = GetParam().unpack(source);
    std::string buffer(65536, 'x');
    for (int i = 0; i < 16; ++i) {
        ASSERT_GT(from->read(std::as_writable_bytes(std::span(buffer.data(), buffer.size()))), 0U);
    }
    EXPECT_LE(source.taken(), 3 * member.size() + 4096);
}

TEST_P(Decompression, AFailingSourceFailsTheReader) {
    class Failing : public Source {
        std::size_t read(std::span<std::byte>) override { throw Error(ExitCode::destination, "gone"); }
    } failing;
    const auto from = GetParam().unpack(failing);
    std::byte one{};
    EXPECT_THROW(from->read(std::span(&one, 1)), Error);
    EXPECT_EQ(from->read({}), 0U);
}

} // namespace
} // namespace miraclemax::stream
