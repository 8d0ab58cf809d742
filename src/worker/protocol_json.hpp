// Within src/worker only: members of JSON objects that somebody else wrote, taken with suspicion.
#pragma once

#include "worker/job.hpp"
#include "worker/restoring.hpp"

#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace miraclemax::worker {

// What is wrong, in a word; the callers make an Error of it that says who wrote it.
struct Nonsense {
    std::string what;
};

// Bytes of any kind as hex digits.
std::string to_hex(const std::string& bytes);
unsigned nibble(char c);

// All of these throw Nonsense, or what nlohmann throws for a missing member.
// An object that has these members and no others.
const nlohmann::json& only(const nlohmann::json& object, const std::set<std::string>& names);
std::string text_of(const nlohmann::json& object, const char* name);
std::string bytes_of(const nlohmann::json& object, const char* name); // of hex digits
bool truth_of(const nlohmann::json& object, const char* name);
template<class Number>
Number number_of(const nlohmann::json& object, const char* name,
                 Number largest = std::numeric_limits<Number>::max()) {
    const nlohmann::json& value = object.at(name);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > static_cast<std::uint64_t>(largest))
        throw Nonsense{std::string(name) + " is no number, or too large"};
    return static_cast<Number>(value.get<std::uint64_t>());
}

// Bytes of any kind as an array of hex digits.
nlohmann::json of_names(const std::vector<std::string>& names);
std::vector<std::string> to_names(const nlohmann::json& array);
// As many as find room in a reply.
std::vector<std::string> those_that_fit(const std::vector<std::string>& names);

// A component's name becomes the name of a file (design: labels).
void must_be_a_name(const std::string& name);

nlohmann::json of_job(const Job& job);
Job to_job(const nlohmann::json& object);
nlohmann::json of_job(const DecryptJob& job);
DecryptJob to_decrypt_job(const nlohmann::json& object);
nlohmann::json of_job(const UnpackJob& job);
UnpackJob to_unpack_job(const nlohmann::json& object);
nlohmann::json of_job(const SettleJob& job);
SettleJob to_settle_job(const nlohmann::json& object);
nlohmann::json of_unpacked(const archive::Unpacked& unpacked);
archive::Unpacked to_unpacked(const nlohmann::json& object);

} // namespace miraclemax::worker
