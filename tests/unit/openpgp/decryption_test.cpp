#include "keyring.hpp"

#include "error.hpp"
#include "openpgp/decryption.hpp"
#include "stream/digest.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <set>
#include <string_view>
#include <thread>

#include <sys/resource.h>

namespace miraclemax::openpgp {
namespace {

using namespace testing;
using ::testing::HasSubstr;

constexpr std::size_t mebibyte = std::size_t{1} << 20U;

class TextSource : public stream::Source {
public:
    explicit TextSource(const std::string& text) : text_(text) {}
    std::size_t read(std::span<std::byte> into) override {
        const std::size_t count = std::min(into.size(), text_.size() - at_);
        std::copy_n(bytes_of(text_).begin() + static_cast<std::ptrdiff_t>(at_), count, into.begin());
        at_ += count;
        return count;
    }

private:
    const std::string& text_;
    std::size_t at_ = 0;
};

// The Error of an attempt; ok when there is none.
Error attempt(const std::string& message, const Home& home, const Unlocking& unlocking, std::string* plain) {
    TextSource from(message);
    stream::StringSink to;
    try {
        decrypt(from, to, home, unlocking);
        EXPECT_TRUE(to.finished());
        *plain = to.content();
        return {ExitCode::ok, ""};
    } catch (const Error& error) {
        EXPECT_FALSE(to.finished());
        return error;
    }
}

ExitCode code_of(const std::string& message, const Home& home, const Unlocking& unlocking = {}) {
    std::string plain;
    return attempt(message, home, unlocking, &plain).code();
}

// A person whose key has a passphrase, and what was encrypted to it.
class Decrypt : public ::testing::Test {
protected:
    [[nodiscard]] std::string message(const std::string& plain, const std::string& options) const {
        Keyring::write(keys / "plain", plain);
        return keys.gpg("--trust-model always -o - " + options + " " + (keys / "plain").string());
    }
    [[nodiscard]] std::string to(const std::string& key, const std::string& plain,
                                 const std::string& options = "-z 0") const {
        return message(plain, options + " -e -r " + key);
    }
    [[nodiscard]] std::string symmetric(const std::string& plain, const std::string& passphrase) const {
        return message(plain, "-z 0 --pinentry-mode loopback --passphrase '" + passphrase + "' -c");
    }
    [[nodiscard]] std::string private_key(const std::string& key, const std::string& options = {}) const {
        return keys.gpg(options + " --export-secret-keys " + key);
    }
    // A key that is protected by a passphrase.
    [[nodiscard]] std::string locked_key(const std::string& name, const std::string& passphrase) const {
        keys.gpg("--pinentry-mode loopback --passphrase '" + passphrase + "' --quick-gen-key " + name +
                 " ed25519 sign 0");
        const std::string listing = keys.gpg("--with-colons --list-keys " + name);
        const std::size_t at = listing.find("fpr:::::::::") + 12;
        std::string key = listing.substr(at, listing.find(':', at) - at);
        keys.gpg("--pinentry-mode loopback --passphrase '" + passphrase + "' --quick-add-key " + key +
                 " cv25519 encr 0");
        return key;
    }
    const Keyring keys;
    const Home home;
};

TEST_F(Decrypt, OpensWhatStockGpgMadeAtEverySize) {
    const std::string key = keys.make_key("one");
    EXPECT_EQ(import_private_keys(home, private_key(key)), std::vector{key});
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{65536}, 3 * mebibyte + 1}) {
        const std::string plain = mixture(size);
        for (const char* options : {"-z 0", "-z 9", "-z 0 --throw-keyids"}) {
            std::string back;
            const Error error = attempt(to(key, plain, options), home, {}, &back);
            EXPECT_EQ(error.code(), ExitCode::ok) << error.what() << size << options;
            EXPECT_TRUE(back == plain) << size << options;
        }
    }
}

TEST_F(Decrypt, ImportsArmoredAndBinaryKeysOneAfterTheOther) {
    const std::string one = keys.make_key("one");
    const std::string two = keys.make_key("two");
    const std::string three = keys.make_key("three");
    const std::string all = private_key(one) + private_key(two, "--armor") + "\n" + private_key(three);
    EXPECT_EQ(import_private_keys(home, all), (std::vector{one, two, three}));
    EXPECT_EQ(import_private_keys(home, all), (std::vector{one, two, three})) << "again";
    for (const std::string& key : {one, two, three}) {
        EXPECT_EQ(code_of(to(key, "x"), home), ExitCode::ok);
    }
    for (const std::string& bytes : {std::string(), std::string("no key"), keys.public_key(one) + "x"}) {
        const Home other;
        try {
            import_private_keys(other, bytes);
            ADD_FAILURE() << bytes;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::key);
        }
    }
}

TEST_F(Decrypt, AKeysPassphraseIsNeededAndMustBeRight) {
    const std::string key = locked_key("locked", "open s\xc3\xa4same");
    const std::string text = to(key, "text");
    Keyring::write(keys / "pass", "open s\xc3\xa4same");
    const std::string exported = keys.gpg("--pinentry-mode loopback --passphrase-file " +
                                          (keys / "pass").string() + " --export-secret-keys " + key);
    EXPECT_EQ(import_private_keys(home, exported), std::vector{key});
    std::string plain;
    const Error none = attempt(text, home, {}, &plain);
    EXPECT_EQ(none.code(), ExitCode::key);
    EXPECT_THAT(none.what(), HasSubstr("none was given"));
    const Error wrong = attempt(text, home, {.key_passphrase = "wrong", .passphrase = {}}, &plain);
    EXPECT_EQ(wrong.code(), ExitCode::key);
    EXPECT_THAT(wrong.what(), HasSubstr("does not open the private key"));
    const Unlocking right{.key_passphrase = "open s\xc3\xa4same", .passphrase = {}};
    EXPECT_EQ(attempt(text, home, right, &plain).code(), ExitCode::ok);
    EXPECT_EQ(plain, "text");
    EXPECT_EQ(code_of(text, home, {.key_passphrase = "wrong", .passphrase = {}}), ExitCode::key)
        << "nothing remembers the right one";
    EXPECT_EQ(code_of(text, home, {.key_passphrase = "a\nb", .passphrase = {}}), ExitCode::key);
}

TEST_F(Decrypt, OpensByAPassphraseAlone) {
    const std::string text = symmetric(mixture(mebibyte), "sesame");
    std::string plain;
    EXPECT_EQ(attempt(text, home, {.key_passphrase = {}, .passphrase = "sesame"}, &plain).code(),
              ExitCode::ok);
    EXPECT_TRUE(plain == mixture(mebibyte));
    const Error wrong = attempt(text, home, {.key_passphrase = "sesame", .passphrase = "wrong"}, &plain);
    EXPECT_EQ(wrong.code(), ExitCode::key) << wrong.what();
    EXPECT_THAT(wrong.what(), HasSubstr("the passphrase given does not open it"));
    const Error none = attempt(text, home, {.key_passphrase = "sesame", .passphrase = {}}, &plain);
    EXPECT_EQ(none.code(), ExitCode::key);
    EXPECT_THAT(none.what(), HasSubstr("encrypted to a passphrase"));
}

// gpg's agent reads no more than 255 bytes, and takes a ^D for "no".
TEST_F(Decrypt, OpensByAnyPassphraseThatItCanBeMadeWith) {
    const std::string key = keys.make_key("one");
    import_private_keys(home, private_key(key));
    for (const std::string& passphrase :
         {std::string(255, 'p'), std::string(256, 'p'), std::string(1024, 'p'), std::string("a\4b")}) {
        stream::StringSink sink;
        const auto encrypting = encrypt_to(sink, home, {.fingerprints = {}, .passphrase = passphrase});
        encrypting->write(bytes_of("text"));
        encrypting->finish();
        std::string plain;
        const Unlocking right{.key_passphrase = {}, .passphrase = passphrase};
        const Error error = attempt(sink.content(), home, right, &plain);
        EXPECT_EQ(error.code(), ExitCode::ok) << passphrase.size() << ": " << error.what();
        EXPECT_EQ(plain, "text");
        EXPECT_EQ(code_of(sink.content(), home, {.key_passphrase = {}, .passphrase = passphrase + "x"}),
                  ExitCode::key);
        EXPECT_EQ(code_of(to(key, "x"), home, right), ExitCode::ok) << "that one is opened by the key";
    }
}

// Made by gpg 2.4.7 with --force-ocb: what encryption.aead makes must be readable where gpg is older.
TEST_F(Decrypt, OpensAnOcbMessageOfANewerGpg) {
    constexpr std::string_view hex =
        "8c4d050902030ae390d8f76a672fcaff06d2a2dfe9e026c79737fc35c288c6866a82a9d311d4470acbfe25c016aeb17a8688"
        "e6f604dd5503ee255dc242db0e3c380ba5ebba50d4637376b3aa6ab652d45c01090210737639d1db101b708470939b3eb7c1"
        "418a5b566bbbfbb16edb2d3ab0b6f70598d4d555a3abf51efbaf1827d209f2cff01a9e5daa77f2cee7040a7bc0f034fc298d"
        "40e7184d38f8c770d9396bd81ba58d9ee3e07ec1c69293";
    std::string text;
    for (std::size_t at = 0; at < hex.size(); at += 2) {
        text += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
    }
    std::string plain;
    const Unlocking right{.key_passphrase = {}, .passphrase = "sesame"};
    EXPECT_EQ(attempt(text, home, right, &plain).code(), ExitCode::ok);
    EXPECT_EQ(plain, "a text that gpg 2.4 packed in OCB");
    EXPECT_EQ(code_of(text, home, {.key_passphrase = {}, .passphrase = "wrong"}), ExitCode::key);
    text[text.size() - 20] ^= 1;
    EXPECT_NE(code_of(text, home, right), ExitCode::ok);
    text.resize(text.size() - 20);
    EXPECT_NE(code_of(text, home, right), ExitCode::ok);
}

TEST_F(Decrypt, SaysWhichKeysWouldOpenIt) {
    const Keyring others;
    const std::string own = keys.make_key("own");
    const std::string other = others.make_key("other");
    import_private_keys(home, private_key(own));
    keys.gpg("--import " + [&] {
        Keyring::write(keys / "other", others.public_key(other));
        return (keys / "other").string();
    }());
    const std::string big = mixture(mebibyte);
    std::string plain;
    const Error error = attempt(to(other, big), home, {}, &plain);
    EXPECT_EQ(error.code(), ExitCode::key);
    const std::string listing = others.gpg("--with-colons --list-keys");
    std::size_t at = listing.find("\nsub:") + 1; // of the subkey: its fifth field is the key id
    for (int field = 0; field < 4; ++field) {
        at = listing.find(':', at) + 1;
    }
    EXPECT_THAT(error.what(), HasSubstr(listing.substr(at, 16)));
    // Two recipients, of whom one is here: it opens.
    EXPECT_EQ(attempt(to(own, big, "-z 0 -r " + other), home, {}, &plain).code(), ExitCode::ok);
    EXPECT_TRUE(plain == big);
    const Home empty;
    EXPECT_EQ(code_of(to(own, big), empty), ExitCode::key);
}

TEST_F(Decrypt, FindsEveryCut) {
    const std::string key = keys.make_key("one");
    import_private_keys(home, private_key(key));
    const std::string text = to(key, mixture(20000));
    for (std::size_t size = 0; size < text.size(); size += 1024) {
        EXPECT_EQ(code_of(text.substr(0, size), home), ExitCode::damaged) << size;
    }
    EXPECT_EQ(code_of(text.substr(0, text.size() - 1), home), ExitCode::damaged);
    EXPECT_EQ(code_of(text.substr(0, 50), home), ExitCode::damaged);
    EXPECT_EQ(code_of(text, home), ExitCode::ok);
}

TEST_F(Decrypt, FindsAFlippedBitInEachRegion) {
    const std::string key = keys.make_key("one");
    import_private_keys(home, private_key(key));
    const std::string plain = mixture(9000);
    const std::string text = to(key, plain);
    std::set<std::size_t> places;
    for (std::size_t at = 0; at < 130; at += 7) { // session key, headers, the random prefix
        places.insert(at);
    }
    for (std::size_t at = 131; at < text.size(); at += 1811) {
        places.insert(at);
    }
    for (std::size_t back = 1; back < 24; back += 4) { // the MDC
        places.insert(text.size() - back);
    }
    for (const std::size_t at : places) {
        std::string flipped = text;
        flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
        std::string back;
        const Error error = attempt(flipped, home, {}, &back);
        // A changed key id is another recipient's, as far as anybody can tell. A changed session key is any
        // number, and of one in some thousands gpg 2.2 ends without a word.
        EXPECT_TRUE(error.code() == ExitCode::damaged || (error.code() == ExitCode::key && at < 12) ||
                    (error.code() == ExitCode::failed && at < 140))
            << at << ": " << static_cast<int>(error.code()) << " " << error.what();
    }
    const std::string secret = symmetric(plain, "sesame");
    for (std::size_t at = 0; at < secret.size(); at += at < 40 ? 3 : 1977) {
        std::string flipped = secret;
        flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
        std::string back;
        const Error error = attempt(flipped, home, {.key_passphrase = {}, .passphrase = "sesame"}, &back);
        // In its header it looks like a wrong passphrase, and there gpg 2.2 may even end without a word.
        EXPECT_TRUE(error.code() == ExitCode::damaged || (error.code() != ExitCode::ok && at < 60))
            << at << ": " << static_cast<int>(error.code()) << " " << error.what();
    }
}

TEST_F(Decrypt, RefusesWhatIsNoEncryptedMessage) {
    const std::string key = keys.make_key("one");
    import_private_keys(home, private_key(key));
    const std::string good = to(key, "text");
    const std::vector<std::pair<const char*, std::string>> table{
        {"nothing", ""},
        {"plain text", "plain text\n"},
        {"long plain text", mixture(200000)},
        {"signed only", message("text", "-s -u " + key)},
        {"literal", message("text", "--store")},
        {"a key", keys.public_key(key)},
        {"armored", to(key, "text", "--armor -z 0")},
        {"two messages", good + good},
        {"garbage behind", good + "garbage"},
        {"a literal packet behind", good + message("text", "--store")},
        {"a literal packet before", message("text", "--store") + good},
        {"gzip", std::string("\x1f\x8b\x08\0\0\0\0\0", 8)},
        {"without integrity protection", to(key, "text", "-z 0 --rfc2440 --disable-mdc")},
    };
    for (const auto& [what, text] : table) {
        std::string plain;
        const Error error = attempt(text, home, {}, &plain);
        EXPECT_EQ(error.code(), ExitCode::damaged) << what << ": " << error.what();
    }
}

// Encrypted data whose content is two literal packets, one after the other.
TEST_F(Decrypt, RefusesTwoMessagesWithinOne) {
    const std::string key = keys.make_key("one");
    import_private_keys(home, private_key(key));
    const std::string literal = message("text", "-z 0 --store");
    Keyring::write(keys / "one", literal);
    Keyring::write(keys / "two", literal + literal);
    // --no-literal encrypts the bytes as they are.
    const auto packed = [&](const char* name) {
        return keys.gpg("--trust-model always --no-literal -z 0 -o - -e -r " + key + " " +
                        (keys / name).string());
    };
    EXPECT_EQ(code_of(packed("one"), home), ExitCode::ok);
    EXPECT_EQ(code_of(packed("two"), home), ExitCode::damaged);
}

class Failing : public stream::Sink {
public:
    explicit Failing(std::size_t room) : room_(room) {}
    void write(stream::Bytes bytes) override {
        if (bytes.size() > room_) {
            throw Error(ExitCode::destination, "no room");
        }
        room_ -= bytes.size();
    }
    void finish() override {}

private:
    std::size_t room_;
};

TEST_F(Decrypt, AnErrorOfTheSinkComesThroughAndGpgEnds) {
    const std::string key = keys.make_key("one");
    import_private_keys(home, private_key(key));
    const std::string text = to(key, mixture(4 * mebibyte));
    for (const std::size_t room : {std::size_t{0}, mebibyte}) {
        TextSource from(text);
        Failing sink(room);
        try {
            decrypt(from, sink, home, {});
            ADD_FAILURE();
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::destination) << error.what();
        }
    }
    for (int tries = 0; tries < 200 && processes_of(home.path(), nullptr, "--decrypt") > 0; ++tries) {
        ::usleep(20000);
    }
    EXPECT_EQ(processes_of(home.path(), nullptr, "--decrypt"), 0);
}

TEST_F(Decrypt, TwoThreadsShareAHome) {
    const std::string key = keys.make_key("one");
    import_private_keys(home, private_key(key));
    const std::string plain = mixture(2 * mebibyte);
    const std::string text = to(key, plain);
    std::atomic<int> good = 0;
    const auto open = [&] {
        for (int count = 0; count < 5; ++count) {
            std::string back;
            good += attempt(text, home, {}, &back).code() == ExitCode::ok && back == plain ? 1 : 0;
        }
    };
    {
        const std::jthread one(open);
        const std::jthread two(open);
    }
    EXPECT_EQ(good, 10);
}

// Gives a message slowly enough to kill gpg in its middle, and then more than a pipe holds.
class Killing : public stream::Source {
public:
    Killing(const std::string& text, std::function<void()> kill) : text_(text), kill_(std::move(kill)) {}
    std::size_t read(std::span<std::byte> into) override {
        const std::size_t count = std::min({into.size(), text_.size() - at_, std::size_t{16384}});
        std::copy_n(bytes_of(text_).begin() + static_cast<std::ptrdiff_t>(at_), count, into.begin());
        at_ += count;
        if (at_ > text_.size() / 2 && kill_) {
            std::exchange(kill_, nullptr)();
        }
        return count;
    }

private:
    const std::string& text_;
    std::function<void()> kill_;
    std::size_t at_ = 0;
};

// gpg-agent (2.2) rewrites an imported key's file when it is first used, and does not wait for itself: a
// second request meanwhile reads half a key, and a good message looks changed.
TEST_F(Decrypt, TheFirstUseOfAKeyIsNotDisturbedByOthers) {
    const std::string key = keys.make_key("one");
    const std::string exported = private_key(key);
    const std::string text = to(key, "text");
    for (int round = 0; round < 60; ++round) {
        const Home fresh;
        import_private_keys(fresh, exported);
        std::atomic<int> good{0};
        {
            std::vector<std::jthread> threads;
            for (int i = 0; i < 8; ++i)
                threads.emplace_back([&] { good += code_of(text, fresh) == ExitCode::ok ? 1 : 0; });
        }
        ASSERT_EQ(good, 8) << "in round " << round;
    }
}

TEST_F(Decrypt, AKilledGpgIsNoSuccess) {
    const std::string key = keys.make_key("one");
    import_private_keys(home, private_key(key));
    const std::string text = to(key, mixture(2 * mebibyte));
    for (const bool stopped : {false, true}) {
        Killing from(text, [&] {
            int gpg = 0;
            ASSERT_GT(processes_of(home.path(), &gpg, "--decrypt"), 0);
            if (stopped) { // its pipe fills, and it dies later
                ::kill(gpg, SIGSTOP);
                std::thread([gpg] {
                    ::usleep(700000);
                    ::kill(gpg, SIGKILL);
                }).detach();
            } else {
                ::kill(gpg, SIGKILL);
            }
        });
        stream::StringSink to_nothing;
        try {
            decrypt(from, to_nothing, home, {});
            ADD_FAILURE() << "taken for success";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::failed) << error.what();
            EXPECT_THAT(error.what(), HasSubstr("gpg ended"));
        }
    }
}

class Nowhere : public stream::Sink {
public:
    void write(stream::Bytes bytes) override { size += bytes.size(); }
    void finish() override {}
    std::size_t size = 0;
};

TEST_F(Decrypt, MemoryStaysFlat) {
    const std::string key = keys.make_key("one");
    import_private_keys(home, private_key(key));
    const std::string head = "head -c 67108864 /dev/zero > " + (keys / "big").string();
    ASSERT_EQ(std::system(head.c_str()), 0);
    keys.gpg("--trust-model always -z 0 -o " + (keys / "big.gpg").string() + " -e -r " + key + " " +
             (keys / "big").string());
    rusage before{};
    ::getrusage(RUSAGE_SELF, &before);
    stream::FileSource from(keys / "big.gpg");
    Nowhere sink;
    decrypt(from, sink, home, {});
    rusage after{};
    ::getrusage(RUSAGE_SELF, &after);
    EXPECT_EQ(sink.size, 64 * mebibyte);
    EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 16384); // KiB
}

TEST(DecryptHome, TheAgentGoesWithTheHome) {
    std::filesystem::path path;
    {
        const Keyring keys;
        const std::string key = keys.make_key("one");
        const Home home;
        path = home.path();
        import_private_keys(home, keys.gpg("--export-secret-keys " + key));
        EXPECT_GT(processes_of(path, nullptr, "gpg-agent"), 0);
    }
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_TRUE(all_gone(path));
}

} // namespace
} // namespace miraclemax::openpgp
