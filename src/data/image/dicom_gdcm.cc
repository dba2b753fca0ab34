/* Decompression of DICOM pixels by GDCM, behind one C function. Of Debian's two libraries it is the one that has all the
 * compressions in which chest radiographs are published (lossless JPEG and JPEG 2000 of VinDr-CXR among them; dcmtk has no JPEG
 * 2000), and the smaller. It gets pixels and their description alone: files are read by dicom.c, which trusts no length. It is
 * called in a process of its own (dicom_process.c). */
#include "data/image/dicom.h"

#include <exception>
#include <gdcmDataElement.h>
#include <gdcmFragment.h>
#include <gdcmImage.h>
#include <gdcmSequenceOfFragments.h>
#include <gdcmTrace.h>

static const char *decompress(const vt_dicom *dicom, uint8_t *pixels) {
    gdcm::Trace::DebugOff();
    gdcm::Trace::WarningOff();
    gdcm::Trace::ErrorOff();

    gdcm::TransferSyntax syntax(gdcm::TransferSyntax::GetTSType(dicom->transfer_syntax));
    gdcm::PhotometricInterpretation photometric(gdcm::PhotometricInterpretation::GetPIType(dicom->photometric));
    gdcm::PixelFormat format(static_cast<unsigned short>(dicom->channels), static_cast<unsigned short>(dicom->bits_allocated),
                             static_cast<unsigned short>(dicom->bits_stored), static_cast<unsigned short>(dicom->high_bit),
                             static_cast<unsigned short>(dicom->is_signed));
    gdcm::SmartPointer<gdcm::SequenceOfFragments> fragments = new gdcm::SequenceOfFragments;
    gdcm::Fragment fragment;
    fragment.SetByteValue(reinterpret_cast<const char *>(dicom->pixels), static_cast<uint32_t>(dicom->pixel_bytes));
    fragments->AddFragment(fragment);
    gdcm::DataElement element(gdcm::Tag(0x7fe0, 0x0010));
    element.SetVR(gdcm::VR::OB);
    element.SetValue(*fragments);

    gdcm::Image image;
    image.SetNumberOfDimensions(2);
    image.SetDimension(0, static_cast<unsigned int>(dicom->width));
    image.SetDimension(1, static_cast<unsigned int>(dicom->height));
    image.SetPixelFormat(format);
    image.SetPhotometricInterpretation(photometric);
    image.SetTransferSyntax(syntax);
    image.SetDataElement(element);
    if (image.GetBufferLength() != vt_dicom_size(dicom)) return "its pixels have another size than it says";
    return image.GetBuffer(reinterpret_cast<char *>(pixels)) ? nullptr : "its pixels can't be decompressed";
}

const char *vt_gdcm_decompress(const vt_dicom *dicom, uint8_t *pixels) {
    try {
        return decompress(dicom, pixels);
    } catch (const std::exception &) {
        return "its pixels can't be decompressed";
    }
}
