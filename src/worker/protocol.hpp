// The words between controller and worker: one JSON object a line, on a unix stream socket.
//   controller -> worker   {"job":{...},"home":hex}   then   {"go":true}
//   worker -> controller   {"hello":1} {"ready":true} {"alive":n}... {"progress":{tally}}... {"read":true}
//                          {"result":{...}}   or, at any time, {"error":{"code":n,"message":"","remedy":""}}
// What may hold bytes that are not UTF-8 (paths, patterns, keys, the passphrase) travels as hex digits.
#pragma once

#include "error.hpp"
#include "worker/job.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>

namespace miraclemax::worker {

constexpr int protocol_version = 2;
constexpr std::size_t longest_request = std::size_t{16} << 20U; // bytes of a line
constexpr std::size_t longest_reply = std::size_t{64} << 10U;

struct Order {
    Job job{};
    std::filesystem::path
        home{}; // a GNUPGHOME that the controller made and removes; empty: the worker makes one
};
struct Go {};
using Request = std::variant<Order, Go>;

struct Hello {
    int version = protocol_version;
};
struct Ready {};
struct Alive {
    std::uint64_t moved = 0; // counts up while the work goes on; the same number again: it stands still
};
struct Read {};
struct Failure {
    ExitCode code = ExitCode::failed;
    std::string message{};
    std::string remedy{};
};
using Reply = std::variant<Hello, Ready, Alive, archive::Tally, Read, Outcome, Failure>;

// One line without its end.
[[nodiscard]] std::string encode(const Request& request);
[[nodiscard]] std::string encode(const Reply& reply);
// Throw Error (failed) "... wrote nonsense: ..." for everything that encode() doesn't write.
[[nodiscard]] Request parse_request(const std::string& line);
[[nodiscard]] Reply parse_reply(const std::string& line);

} // namespace miraclemax::worker
