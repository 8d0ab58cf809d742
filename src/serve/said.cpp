#include "serve/said.hpp"

#include "stream/file.hpp"

#include <nlohmann/json.hpp>

namespace miraclemax::serve {

telemetry::Said SaidFile::read() const {
    try {
        const auto json = nlohmann::json::parse(stream::read_file(path_, 65536));
        return {.failing = json.at("failing").get<bool>(),
                .last_run = json.at("last_run").get<std::string>(),
                .last_digest_week = json.at("last_digest_week").get<std::string>()};
    } catch (const std::exception&) {
        return {};
    }
}

void SaidFile::write(const telemetry::Said& said) const {
    stream::replace_file(path_, nlohmann::json{{"failing", said.failing},
                                               {"last_run", said.last_run},
                                               {"last_digest_week", said.last_digest_week}}
                                        .dump() +
                                    "\n");
}

} // namespace miraclemax::serve
