#include "catalog/removal_record.hpp"

#include "catalog/field.hpp"
#include "error.hpp"
#include "store/backup_folder.hpp"

#include <algorithm>

namespace miraclemax::catalog {
namespace {

constexpr int newest_version = 1;

std::string id_in(const Fields& fields, bool may_be_empty) {
    std::string id = fields.text("id");
    if (!(may_be_empty && id.empty()) && !store::is_backup_id(id))
        fields.refuse("id", "is no backup's id");
    return id;
}

std::string sha256_in(const Fields& fields, const char* field, bool may_be_empty) {
    std::string text = fields.text(field);
    const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    const bool right = text.size() == 64 && std::all_of(text.begin(), text.end(), is_hex);
    if (!right && !(may_be_empty && text.empty()))
        fields.refuse(field, "is not 64 lower-case hexadecimal digits");
    return text;
}

} // namespace

std::string to_json(const RemovalRecord& record) {
    nlohmann::ordered_json whole{
        {"version", record.version},
        {"id", record.id},
        {"manifest_sha256", record.manifest_sha256},
        {"previous",
         {{"known", record.previous_known},
          {"id", record.previous_id},
          {"sha256", record.previous_sha256},
          {"record_sha256", record.previous_record_sha256}}},
        {"removed_utc", record.removed_utc},
        {"reason", record.reason},
        {"run", record.run},
        {"instance", record.instance},
        {"tool", record.tool},
        {"signer", record.signer},
        {"signer_key", record.signer_key},
    };
    if (!record.doubt.empty())
        whole["doubt"] = record.doubt;
    return whole.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

RemovalRecord parse_removal_record(const std::string& json) {
    const auto whole = nlohmann::json::parse(json, nullptr, false);
    if (whole.is_discarded())
        throw Error(ExitCode::failed, "it is no JSON");
    const Fields fields(whole, "");
    if (fields.count("version") > newest_version)
        throw Error(ExitCode::failed, "it was written by a newer miraclemax");
    const Fields previous = fields.object("previous");
    RemovalRecord record{.id = id_in(fields, false),
                         .manifest_sha256 = sha256_in(fields, "manifest_sha256", false),
                         .previous_known = previous.flag("known"),
                         .previous_id = id_in(previous, true),
                         .previous_sha256 = {},
                         .previous_record_sha256 = sha256_in(previous, "record_sha256", true),
                         .doubt = fields.has("doubt") ? fields.text("doubt") : "",
                         .removed_utc = fields.text("removed_utc"),
                         .reason = fields.text("reason"),
                         .run = fields.text("run"),
                         .instance = fields.text("instance"),
                         .tool = fields.text("tool"),
                         .signer = fields.text("signer"),
                         .signer_key = fields.text("signer_key")};
    record.previous_sha256 = sha256_in(previous, "sha256", record.previous_id.empty());
    return record;
}

} // namespace miraclemax::catalog
