#include "serve/said.hpp"

#include "error.hpp"
#include "stream/file.hpp"

namespace miraclemax::serve {

std::optional<telemetry::Said> SaidFile::read(std::string& damage) const {
    std::error_code trouble;
    if (!std::filesystem::exists(path_, trouble)) {
        if (trouble)
            throw Error(ExitCode::failed, "can't read " + path_.string() + ": " + trouble.message());
        return std::nullopt;
    }
    const auto text = stream::read_file(path_, std::size_t{16} << 20U);
    try {
        return telemetry::parse_said(text);
    } catch (const std::exception& error) {
        damage = error.what();
        return std::nullopt;
    }
}

void SaidFile::write(const telemetry::Said& said) const {
    stream::replace_file(path_, telemetry::to_json(said));
}

} // namespace miraclemax::serve
