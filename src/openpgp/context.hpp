// Within src/openpgp only: GPGME's handles as owners, and its error codes as Errors.
#pragma once

#include "error.hpp"
#include "openpgp/encryption.hpp"

#include <string>
#include <string_view>

#include <gpgme.h>

namespace miraclemax::openpgp {

// Once a process, before anything of GPGME. Any thread. Throws Error (key) when it is too old.
void start_gpgme();

// One GPGME context on one home. One thread at a time. Never asks anybody anything, never goes online.
class Context {
public:
    explicit Context(const Home& home);
    ~Context() { gpgme_release(context_); }
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    [[nodiscard]] gpgme_ctx_t get() const noexcept { return context_; }

private:
    gpgme_ctx_t context_ = nullptr;
};

class Data {
public:
    Data();
    explicit Data(const std::string& borrowed); // must outlive the Data
    ~Data() { gpgme_data_release(data_); }
    Data(const Data&) = delete;
    Data& operator=(const Data&) = delete;
    [[nodiscard]] gpgme_data_t get() const noexcept { return data_; }
    [[nodiscard]] std::string content(); // all that was written to it

private:
    gpgme_data_t data_ = nullptr;
};

class Key {
public:
    Key() = default;
    explicit Key(gpgme_key_t key) : key_(key) {}
    Key(Key&& other) noexcept : key_(other.key_) { other.key_ = nullptr; }
    Key& operator=(Key&&) = delete;
    Key(const Key&) = delete;
    Key& operator=(const Key&) = delete;
    ~Key() {
        if (key_ != nullptr) {
            gpgme_key_unref(key_);
        }
    }
    [[nodiscard]] gpgme_key_t get() const noexcept { return key_; }
    gpgme_key_t operator->() const noexcept { return key_; }

private:
    gpgme_key_t key_ = nullptr;
};

// Throws Error (key) "can't <action>: <gpg's reason>" unless the code is success.
void require(gpgme_error_t error, std::string_view action);
[[nodiscard]] Error gpg_error_of(gpgme_error_t error, std::string_view action);

} // namespace miraclemax::openpgp
