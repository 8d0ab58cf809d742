// SHA-256 (FIPS 180-4, by OpenSSL's EVP) of what flows by, and a sink that collects.
#pragma once

#include "stream/stream.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace miraclemax::stream {

struct Digest {
    std::string sha256;     // 64 lower-case hex digits
    std::uint64_t size = 0; // bytes
    bool operator==(const Digest&) const = default;
};

// One hash at a time; update() any number of times, then hex() once, which leaves it ready for the next.
class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    void update(Bytes bytes);
    [[nodiscard]] std::string hex();

private:
    struct State;
    std::unique_ptr<State> state_;
};

// Hashes and counts what passes on to `next`. digest() is valid after finish().
template<class Hash> class HashingSink : public Sink {
public:
    explicit HashingSink(Sink& next) : next_(next) {}
    void write(Bytes bytes) override {
        hash_.update(bytes);
        next_.write(bytes);
        digest_.size += bytes.size();
    }
    void finish() override {
        next_.finish();
        digest_.sha256 = hash_.hex();
    }
    [[nodiscard]] const Digest& digest() const noexcept { return digest_; }

private:
    Sink& next_;
    Hash hash_;
    Digest digest_;
};

using DigestSink = HashingSink<Sha256>;

// Keeps everything in memory: for small things, and for tests.
class StringSink : public Sink {
public:
    void write(Bytes bytes) override {
        content_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    void finish() override { finished_ = true; }
    [[nodiscard]] const std::string& content() const noexcept { return content_; }
    [[nodiscard]] bool finished() const noexcept { return finished_; }

private:
    std::string content_;
    bool finished_ = false;
};

[[nodiscard]] std::string sha256_of(std::string_view bytes); // hex
[[nodiscard]] Digest digest_of_file(const std::filesystem::path& path);

} // namespace miraclemax::stream
