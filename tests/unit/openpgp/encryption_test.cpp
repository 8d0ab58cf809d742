#include "keyring.hpp"

#include "error.hpp"
#include "openpgp/encryption.hpp"
#include "stream/digest.hpp"

#include <gmock/gmock.h>

#include <array>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace miraclemax::openpgp {
namespace {

using namespace testing;

constexpr std::size_t mebibyte = std::size_t{1} << 20U;

std::string encrypt(const Home& home, const Recipients& recipients, const std::string& plain) {
    stream::StringSink cipher;
    const auto sink = encrypt_to(cipher, home, recipients);
    for (std::size_t at = 0; at < plain.size(); at += 100001) {
        sink->write(bytes_of(plain).subspan(at, std::min<std::size_t>(100001, plain.size() - at)));
    }
    EXPECT_FALSE(cipher.finished());
    sink->finish();
    EXPECT_TRUE(cipher.finished());
    return cipher.content();
}

TEST(EncryptTo, IsOpenedByStockGpgAtEverySize) {
    const Keyring keys;
    const std::string key = keys.make_key("one");
    const Home home;
    import_keys(home, keys.public_key(key));
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{65536}, 5 * mebibyte + 1}) {
        const std::string plain = mixture(size);
        const std::string cipher = encrypt(home, {.fingerprints = {key}, .passphrase = {}}, plain);
        EXPECT_TRUE(keys.decrypt(cipher) == plain) << size;
        // Uncompressed: it can't be smaller than what went in.
        EXPECT_GE(cipher.size(), plain.size());
    }
}

TEST(EncryptTo, IsAes256WithIntegrityProtectionWhateverTheKeyPrefers) {
    const Keyring keys;
    const std::string key = keys.make_key("old", true, "--default-preference-list 'AES128 SHA256 ZLIB'");
    const Home home;
    import_keys(home, keys.public_key(key));
    Keyring::write(keys / "m", encrypt(home, {.fingerprints = {key}, .passphrase = {}}, "text"));
    const std::string packets = keys.gpg("--list-packets --show-session-key " + (keys / "m").string());
    // gpg says "session key 9:..." on stderr: 9 is AES256 (RFC 4880, 9.2).
    EXPECT_NE(Keyring::content_of(keys / "err").find("session key: '9:"), std::string::npos)
        << Keyring::content_of(keys / "err");
    EXPECT_TRUE(packets.find("mdc_method: 2") != std::string::npos ||
                packets.find("aead") != std::string::npos)
        << packets;
    EXPECT_EQ(packets.find("compressed packet"), std::string::npos);
}

TEST(EncryptTo, IsOpenedByEachOfTwoRecipients) {
    const Keyring first;
    const Keyring second;
    const std::string one = first.make_key("one");
    const std::string two = second.make_key("two");
    const Home home;
    import_keys(home, first.public_key(one) + second.public_key(two));
    const std::string plain = mixture(mebibyte);
    const std::string cipher = encrypt(home, {.fingerprints = {one, two}, .passphrase = {}}, plain);
    EXPECT_TRUE(first.decrypt(cipher) == plain);
    EXPECT_TRUE(second.decrypt(cipher) == plain);
}

TEST(EncryptTo, TakesAPassphraseWithoutAnAgent) {
    const Keyring keys;
    const Home home;
    const std::string plain = mixture(mebibyte);
    const std::string cipher =
        encrypt(home, {.fingerprints = {}, .passphrase = "correct \"horse\" \xc3\xbc'"}, plain);
    Keyring::write(keys / "pass", "correct \"horse\" \xc3\xbc'");
    const std::string with = "--pinentry-mode loopback --no-symkey-cache --passphrase-file ";
    EXPECT_TRUE(keys.decrypt(cipher, with + (keys / "pass").string()) == plain);
    Keyring::write(keys / "pass", "wrong");
    Keyring::write(keys / "message", cipher);
    std::string output;
    EXPECT_NE(
        keys.try_gpg(with + (keys / "pass").string() + " --decrypt " + (keys / "message").string(), output),
        0);
    output.clear();
    keys.try_gpg("--list-packets " + with + (keys / "pass").string() + " " + (keys / "message").string(),
                 output);
    // 9 is AES256 (RFC 4880, 9.2).
    EXPECT_NE(output.find("symkey enc packet: version 4, cipher 9"), std::string::npos) << output;
    EXPECT_THROW(
        encrypt_to(*std::make_unique<stream::StringSink>(), home, {.fingerprints = {}, .passphrase = "a\nb"}),
        Error);
}

TEST(EncryptTo, RefusesBeforeAnyByteWhatIsUnusable) {
    const Keyring keys;
    const std::string signer = keys.make_key("signer", false);
    const Home home;
    import_keys(home, keys.public_key(signer));
    stream::StringSink cipher;
    for (const auto& wanted : {std::vector<std::string>{signer}, {std::string(40, 'A')}, {"signer"}, {}}) {
        try {
            check_recipients(home, {.fingerprints = wanted, .passphrase = {}});
            FAIL() << "no error";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::key) << error.what();
        }
    }
    for (const auto& unchecked : {signer, std::string(40, 'A')}) { // gpg itself refuses, and says which
        const auto sink = encrypt_to(cipher, home, {.fingerprints = {unchecked}, .passphrase = {}});
        try {
            sink->finish();
            FAIL() << "no error";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::key);
            EXPECT_THAT(error.what(), ::testing::HasSubstr(unchecked));
        }
    }
    EXPECT_TRUE(cipher.content().empty());
}

// The unit tests' gpg may be too old: then it is refused, by name, before any byte.
TEST(EncryptTo, OcbIsReadByStockGpgOrRefused) {
    const Keyring keys;
    const std::string key = keys.make_key("one");
    const Home home;
    import_keys(home, keys.public_key(key));
    const std::string plain = mixture(3 * mebibyte);
    const Recipients recipients{.fingerprints = {key}, .passphrase = {}, .ocb = true};
    stream::StringSink cipher;
    if (!makes_ocb()) {
        EXPECT_THROW(encrypt_to(cipher, home, recipients), Error);
        GTEST_SKIP() << "gpg 2.4 makes OCB, and this is an older one";
    }
    const auto sink = encrypt_to(cipher, home, recipients);
    sink->write(bytes_of(plain));
    sink->finish();
    Keyring::write(keys / "cipher", cipher.content());
    EXPECT_TRUE(keys.gpg("--decrypt " + (keys / "cipher").string()) == plain);
    EXPECT_THAT(keys.gpg("--list-packets " + (keys / "cipher").string()), ::testing::HasSubstr("aead"));
}

// Takes so many bytes, then is full.
class FullSink : public stream::Sink {
public:
    explicit FullSink(std::size_t room) : room_(room) {}
    void write(stream::Bytes bytes) override {
        if (bytes.size() > room_) {
            throw Error(ExitCode::destination, "the disk is full", "buy another");
        }
        room_ -= bytes.size();
    }
    void finish() override { finished_ = true; }
    [[nodiscard]] bool finished() const { return finished_; }

private:
    std::size_t room_;
    bool finished_ = false;
};

TEST(EncryptTo, PassesOnTheErrorOfTheNextSink) {
    const Keyring keys;
    const std::string key = keys.make_key("one");
    const Home home;
    import_keys(home, keys.public_key(key));
    for (const std::size_t size : {std::size_t{10}, 8 * mebibyte}) {
        FullSink full(size / 2);
        const auto sink = encrypt_to(full, home, {.fingerprints = {key}, .passphrase = {}});
        try {
            for (std::size_t at = 0; at < size; at += mebibyte) {
                sink->write(bytes_of(std::string(std::min(size, mebibyte), 'x')));
            }
            sink->finish();
            FAIL() << "no error";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::destination);
            EXPECT_STREQ(error.what(), "the disk is full");
            EXPECT_EQ(error.remedy(), "buy another");
        }
        EXPECT_FALSE(full.finished());
    }
}

TEST(EncryptTo, AbandonedLeavesNeitherProcessNorHome) {
    const Keyring keys;
    const std::string key = keys.make_key("one");
    for (const bool symmetric : {false, true}) {
        std::filesystem::path path;
        stream::StringSink cipher;
        {
            const Home home;
            path = home.path();
            import_keys(home, keys.public_key(key));
            Recipients recipients;
            symmetric ? recipients.passphrase = "secret" : *recipients.fingerprints.insert({}, key);
            const auto sink = encrypt_to(cipher, home, recipients);
            sink->write(bytes_of(mixture(3 * mebibyte)));
            const auto untouched = encrypt_to(cipher, home, recipients);
        }
        EXPECT_FALSE(cipher.finished());
        EXPECT_FALSE(std::filesystem::exists(path));
        EXPECT_TRUE(all_gone(path));
    }
}

TEST(EncryptTo, SaysSoWhenGpgIsKilled) {
    const Keyring keys;
    const std::string key = keys.make_key("one");
    const Home home;
    import_keys(home, keys.public_key(key));
    stream::StringSink cipher;
    const auto sink = encrypt_to(cipher, home, {.fingerprints = {key}, .passphrase = {}});
    sink->write(bytes_of(mixture(3 * mebibyte)));
    int gpg = 0;
    for (int attempt = 0; attempt < 500 && processes_of(home.path(), &gpg, "--encrypt") == 0; ++attempt) {
        ::usleep(2000);
    }
    ASSERT_GT(gpg, 0);
    ::kill(gpg, SIGKILL);
    EXPECT_THROW(
        {
            sink->write(bytes_of(mixture(mebibyte)));
            sink->finish();
        },
        Error);
    EXPECT_FALSE(cipher.finished());
}

// A pipe of this process that somebody would read from, but that is full.
bool a_pipe_is_full() {
    for (int descriptor = 3; descriptor < 200; ++descriptor) {
        struct stat what {};
        const int flags = ::fcntl(descriptor, F_GETFL);
        pollfd one{.fd = descriptor, .events = POLLOUT, .revents = 0};
        if (flags >= 0 && (flags & O_ACCMODE) == O_WRONLY && ::fstat(descriptor, &what) == 0 &&
            S_ISFIFO(what.st_mode) && ::poll(&one, 1, 0) == 0) {
            return true;
        }
    }
    return false;
}

// Another gpg, that told of the key, may still be ending.
int encrypting_gpg(const Home& home) {
    int gpg = 0;
    while (processes_of(home.path(), &gpg, "--encrypt") == 0) {
        ::usleep(2000);
    }
    return gpg;
}

// 0: the end came as it should; for a forked process, with an alarm for a build in which it never comes.
int end_of_a_killed_gpg(const std::string& public_key, const std::string& key, bool abandoned) {
    const Home home;
    import_keys(home, public_key);
    stream::StringSink cipher;
    auto sink = encrypt_to(cipher, home, {.fingerprints = {key}, .passphrase = {}});
    const int gpg = encrypting_gpg(home);
    ::kill(gpg, SIGSTOP);
    if (abandoned) {
        sink->write(bytes_of(mixture(mebibyte / 2)));
        sink.reset();
        return cipher.finished() ? 1 : 0;
    }
    const std::jthread killer([gpg] {
        while (!a_pipe_is_full()) {
            ::usleep(2000);
        }
        ::kill(gpg, SIGKILL);
    });
    try {
        sink->write(bytes_of(mixture(4 * mebibyte)));
        sink->finish();
        return 2;
    } catch (const Error& error) {
        return error.code() == ExitCode::key && !cipher.finished() ? 0 : 3;
    }
}

TEST(EncryptTo, EndsWhenGpgIsKilledThoughItsPipeIsFull) {
    const Keyring keys;
    const std::string key = keys.make_key("one");
    const std::string public_key = keys.public_key(key);
    for (const bool abandoned : {false, true}) {
        const pid_t child = ::fork();
        if (child == 0) {
            ::alarm(30);
            int code = 9;
            try {
                code = end_of_a_killed_gpg(public_key, key, abandoned);
            } catch (...) {
            }
            ::_exit(code);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
            << (WIFSIGNALED(status) ? "it hung" : "it ended wrongly") << ", status " << status;
    }
}

// All was handed over: nothing but gpg's own end tells that no whole message came of it.
TEST(EncryptTo, AGpgThatDiesAfterTheLastByteIsTold) {
    const Keyring keys;
    const std::string key = keys.make_key("one");
    const Home home;
    import_keys(home, keys.public_key(key));
    stream::StringSink cipher;
    auto sink = encrypt_to(cipher, home, {.fingerprints = {key}, .passphrase = {}});
    const int gpg = encrypting_gpg(home);
    ::kill(gpg, SIGSTOP); // before it has read the little that fits into its pipe
    sink->write(bytes_of("a little"));
    ::kill(gpg, SIGKILL);
    EXPECT_THROW(sink->finish(), Error);
    EXPECT_FALSE(cipher.finished());
}

TEST(EncryptTo, ThePassphrasesHomeLiesInTheGivenOne) {
    const Keyring keys;
    const auto folders_in = [](const std::filesystem::path& path) {
        int count = 0;
        for (const auto& one : std::filesystem::directory_iterator(path)) {
            count += one.is_directory() ? 1 : 0;
        }
        return count;
    };
    const Home home;
    stream::StringSink first;
    stream::StringSink second;
    {
        const auto one = encrypt_to(first, home, {.fingerprints = {}, .passphrase = "secret"});
        const auto two = encrypt_to(second, home, {.fingerprints = {}, .passphrase = "secret"});
        EXPECT_EQ(folders_in(home.path()), 2);
        EXPECT_EQ(std::filesystem::status(home.path() / "p1").permissions(),
                  std::filesystem::perms::owner_all);
        one->finish();
    }
    EXPECT_EQ(folders_in(home.path()), 0);
}

TEST(Homes, WhatAKilledProcessLeftIsSweptAndALivingOnesIsNot) {
    const Home living;
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const Home left;
        const std::string path = left.path();
        ::_exit(::write(ends[1], path.c_str(), path.size()) < 0 ? 1 : 0); // no destructor runs
    }
    char text[256] = {};
    ASSERT_GT(::read(ends[0], text, sizeof text - 1), 0);
    ::waitpid(child, nullptr, 0);
    ::close(ends[0]);
    ::close(ends[1]);
    ASSERT_TRUE(std::filesystem::exists(text));
    // One that is a second old may be just being made; what is dead goes with the first home made after that.
    for (int tries = 0; tries < 100 && std::filesystem::exists(text); ++tries) {
        ::usleep(100'000);
        const Home next;
    }
    EXPECT_FALSE(std::filesystem::exists(text));
    EXPECT_TRUE(std::filesystem::exists(living.path()));
}

TEST(EncryptTo, WorksInManyThreadsAtOnce) {
    const Keyring keys;
    const std::string key = keys.make_key("one");
    const Home home;
    import_keys(home, keys.public_key(key));
    std::vector<stream::StringSink> ciphers(6);
    std::vector<std::unique_ptr<stream::Sink>> sinks;
    for (auto& cipher : ciphers) {
        sinks.push_back(encrypt_to(cipher, home, {.fingerprints = {key}, .passphrase = {}}));
    }
    for (auto& sink : sinks) {
        sink->write(bytes_of("the same"));
    }
    for (auto& sink : sinks) {
        sink->finish();
    }
    for (const auto& cipher : ciphers) {
        EXPECT_EQ(keys.decrypt(cipher.content()), "the same");
    }
}

} // namespace
} // namespace miraclemax::openpgp
