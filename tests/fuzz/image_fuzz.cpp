// SPDX-License-Identifier: BSD-3-Clause
//
// Files in the plugin directory: the reader of ELF images and the check of what it found.  The
// corpus has a small shared object made by kernel/plugin/image_test.cpp's builder, so that
// mutations start inside of the format.

#include "plugin/image.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto image = ais::plugin::read_image({data, size});
    if (!image) {
        if (image.error().text.empty()) {
            std::abort();  // refused without a reason
        }
        return 0;
    }
    if (image->manifest.needs.size() > ais::plugin::list_max + 1 ||
        image->manifest.offers.size() > ais::plugin::list_max + 1) {
        std::abort();
    }
    const auto checked = ais::plugin::check(image->manifest, "thing");
    if (checked && image->manifest.name != "thing") {
        std::abort();
    }
    return 0;
}
