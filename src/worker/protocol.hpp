// The words between controller and worker: one JSON object a line, on a unix stream socket.
//   controller -> worker   {"job":{...},"home":hex}   then   {"go":true}
//                          or {"decrypt":{...},"home":hex,"hide":[hex]} with four descriptors: archive and
//                             inventory to read, archive and inventory to write
//                          or {"unpack":{...}} with two: archive and inventory to read; with store, then
//                          {"go":true} or {"settle":{...}}
//   worker -> controller   {"hello":4} {"alive":n}...
//                          {"ready":true} {"progress":{tally}}... {"read":true} {"result":{...}}
//                          or {"done":true}
//                          or {"unpacking":{...}}... {"unpacked":{...}} {"swapped":[hex]}
//                          or {"settled":{"holds":"old",…}}
//                          or, at any time, {"error":{"code":n,"message":"","remedy":""}}
// What may hold bytes that are not UTF-8 (paths, patterns, keys, passphrases) travels as hex digits.
#pragma once

#include "error.hpp"
#include "worker/job.hpp"
#include "worker/restoring.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

namespace miraclemax::worker {

constexpr int protocol_version = 4;
constexpr std::size_t longest_request = std::size_t{16} << 20U; // bytes of a line
constexpr std::size_t longest_reply = std::size_t{64} << 10U;

struct Order {
    Job job{};
    std::filesystem::path
        home{}; // a GNUPGHOME that the controller made and removes; empty: the worker makes one
};
struct DecryptOrder {
    DecryptJob job{};
    std::filesystem::path home{};                // as an Order's
    std::vector<std::filesystem::path> hidden{}; // folders to keep out of the worker's sight
};
struct UnpackOrder {
    UnpackJob job{};
};
struct SettleOrder {
    SettleJob job{};
};
struct Go {};
using Request = std::variant<Order, DecryptOrder, UnpackOrder, SettleOrder, Go>;

struct Hello {
    int version = protocol_version;
};
struct Ready {};
struct Alive {
    std::uint64_t moved = 0; // counts up while the work goes on; the same number again: it stands still
};
struct Read {};
struct Unpacking { // progress; names are not among it
    archive::Unpacked so_far{};
};
struct Swapped {
    std::vector<std::string> stayed{};
    bool keeps_old = false;
};
struct Settled {
    archive::Holds holds = archive::Holds::old_data;
    archive::Space space{}; // of Settling::room
    std::vector<std::string> strays{};
};
struct Done {};
struct Failure {
    ExitCode code = ExitCode::failed;
    std::string message{};
    std::string remedy{};
};
using Reply = std::variant<Hello, Ready, Alive, archive::Tally, Read, Outcome, Unpacking, archive::Unpacked,
                           Swapped, Settled, Done, Failure>;

// One line without its end. A line of replies holds as many names (of what was withheld, or stayed) as find
// room in it.
[[nodiscard]] std::string encode(const Request& request);
[[nodiscard]] std::string encode(const Reply& reply);
// Throw Error (failed) "... wrote nonsense: ..." for everything that encode() doesn't write.
[[nodiscard]] Request parse_request(const std::string& line);
[[nodiscard]] Reply parse_reply(const std::string& line);

} // namespace miraclemax::worker
