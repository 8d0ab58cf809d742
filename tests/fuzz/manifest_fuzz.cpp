// libFuzzer: parse_manifest() with any text. What it takes, it writes again so that it reads the same.
#include "catalog/manifest.hpp"
#include "error.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace miraclemax;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    catalog::Manifest manifest;
    try {
        manifest = catalog::parse_manifest(std::string(reinterpret_cast<const char*>(data), size));
    } catch (const Error&) {
        return 0;
    }
    const std::string written = catalog::to_json(manifest);
    if (catalog::to_json(catalog::parse_manifest(written)) != written)
        std::abort();
    return 0;
}
