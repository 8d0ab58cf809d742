#include "catalog/removal_record.hpp"

#include "catalog/field.hpp"
#include "error.hpp"

namespace miraclemax::catalog {
namespace {

constexpr int newest_version = 1;

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
    RemovalRecord record{.id = fields.backup_id("id"),
                         .manifest_sha256 = fields.hex("manifest_sha256", 64),
                         .previous_known = previous.flag("known"),
                         .previous_id = previous.backup_id("id", true),
                         .previous_sha256 = {},
                         .previous_record_sha256 = previous.hex("record_sha256", 64, true),
                         .doubt = fields.has("doubt") ? fields.text("doubt") : "",
                         .removed_utc = fields.text("removed_utc"),
                         .reason = fields.text("reason"),
                         .run = fields.text("run"),
                         .instance = fields.text("instance"),
                         .tool = fields.text("tool"),
                         .signer = fields.text("signer"),
                         .signer_key = fields.text("signer_key")};
    record.previous_sha256 = previous.hex("sha256", 64, record.previous_id.empty());
    return record;
}

} // namespace miraclemax::catalog
