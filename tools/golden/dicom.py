"""Makes small DICOM files of many kinds (also the fuzzer's seeds), and what they must look like.

    python tools/golden/dicom.py     (pydicom 3, pylibjpeg with its libjpeg and openjpeg, pyjpegls, imagecodecs, Pillow; writes
                                      tests/fuzz/seeds/dicom/*, tests/golden/dicom/*.png and tests/golden/dicom.txt)

The pictures are pydicom's apply_modality_lut() and apply_voi_lut(), spread over 0 ... 255 from the window's or the table's range;
without these, from the image's own range if it has more than 8 bits, else from all that the bits can hold; MONOCHROME1 is
turned over. Each line of dicom.txt: file, bits stored, channels, whether GDCM is needed, and by how many
levels a pixel may differ: decoders of lossy JPEG round in their own ways.
"""

import io
import pathlib
import warnings

import imagecodecs
import numpy
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut, apply_voi_lut, pixel_array
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

warnings.filterwarnings("ignore")
root = pathlib.Path(__file__).resolve().parents[2]
seeds, pictures = root / "tests/fuzz/seeds/dicom", root / "tests/golden/dicom"
lines = [f"# pydicom {pydicom.__version__}; made by tools/golden/dicom.py"]
HEIGHT, WIDTH = 24, 32


def grey(most, least=0):
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    wave = numpy.sin(x / 5.1) + numpy.cos(y / 4.3) + 0.3 * numpy.sin(x * y / 11.0)
    return numpy.rint(least + (wave / 4.6 + 0.5) * (most - least))


def colour():
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [numpy.sin((x + 7 * c) / 5.1) + numpy.cos((y - 5 * c) / 4.3) for c in range(3)]
    return numpy.rint((numpy.stack(planes, -1) / 4 + 0.5) * 255).astype("uint8")


def table(values, first, bits):
    item = Dataset()
    item.LUTDescriptor = [len(values), first, bits]
    item["LUTDescriptor"].VR = "SS" if first < 0 else "US"
    item.LUTData = [int(v) for v in values]
    item["LUTData"].VR = "US"
    return Sequence([item])


def dataset(pixels, bits, photometric="MONOCHROME2", syntax=ExplicitVRLittleEndian, **elements):
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    ds.PatientID = "patient"
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    if pixels.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.PhotometricInterpretation = photometric
    ds.BitsAllocated = 8 * pixels.dtype.itemsize
    ds.BitsStored, ds.HighBit = bits, bits - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    for name, value in elements.items():
        setattr(ds, name, value)
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    return ds


def output_range(ds, values):
    if ds.get("VOILUTSequence"):
        return 0, 2 ** ds.VOILUTSequence[0].LUTDescriptor[2] - 1
    if "WindowWidth" in ds:
        if ds.get("ModalityLUTSequence"):
            return 0, 2 ** ds.ModalityLUTSequence[0].LUTDescriptor[2] - 1
        half = 2 ** (ds.BitsStored - 1)
        low, high = (-half, half - 1) if ds.PixelRepresentation else (0, 2 * half - 1)
        slope, intercept = ds.get("RescaleSlope", 1), ds.get("RescaleIntercept", 0)
        return float(low * slope + intercept), float(high * slope + intercept)
    return (0, 2**ds.BitsStored - 1) if ds.BitsStored <= 8 else (values.min(), values.max())


def look(ds):
    stored = pixel_array(ds)  # colours as RGB
    if ds.SamplesPerPixel == 3:
        return stored
    values = apply_voi_lut(apply_modality_lut(stored, ds), ds).astype("float64")
    low, high = output_range(ds, values)
    eight = numpy.floor(numpy.clip((values - low) / (high - low), 0, 1) * 255 + 0.5).astype("uint8")
    return 255 - eight if ds.PhotometricInterpretation == "MONOCHROME1" else eight


def store(name, ds, needs_gdcm=0, tolerance=0):
    implicit = ds.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    out = io.BytesIO()
    pydicom.dcmwrite(out, ds, enforce_file_format=True, implicit_vr=implicit, little_endian=True)
    (seeds / f"{name}.dcm").write_bytes(out.getvalue())
    picture = look(pydicom.dcmread(io.BytesIO(out.getvalue())))
    Image.fromarray(picture).save(pictures / f"{name}.png")
    lines.append(f"{name}.dcm {ds.BitsStored} {ds.SamplesPerPixel} {needs_gdcm} {tolerance}")


def compressed(name, pixels, bits, syntax, data, photometric="MONOCHROME2", needs_gdcm=1, tolerance=0, **elements):
    ds = dataset(pixels, bits, photometric, syntax, **elements)
    ds.PixelData = encapsulate([data])
    ds["PixelData"].VR = "OB"
    store(name, ds, needs_gdcm, tolerance)


def jpeg(image, **options):
    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=95, **options)
    return out.getvalue()


def nested(ds):
    """Sequences of known and unknown length, of private elements too, and an icon."""
    inner, outer = Dataset(), Dataset()
    inner.CodeValue = "1"
    inner.WindowWidth = 3
    inner.is_undefined_length_sequence_item = True
    outer.AnatomicRegionSequence = Sequence([inner, inner])
    outer["AnatomicRegionSequence"].is_undefined_length = True
    icon = Dataset()
    icon.Rows = icon.Columns = 1
    icon.BitsAllocated = icon.BitsStored = 8
    icon.PixelData = b"ab"
    icon["PixelData"].VR = "OB"
    ds.ViewCodeSequence = Sequence([outer, Dataset()])
    ds.IconImageSequence = Sequence([icon])
    block = ds.private_block(0x0029, "maker", create=True)
    block.add_new(1, "SQ", Sequence([inner]))
    return ds


seeds.mkdir(parents=True, exist_ok=True)
pictures.mkdir(parents=True, exist_ok=True)
twelve, eight = grey(4095).astype("uint16"), grey(255).astype("uint8")
signed = grey(1900, -1000).astype("int16")
window = dict(WindowCenter=2000, WindowWidth=2500)
hounsfield = dict(RescaleSlope="0.5", RescaleIntercept="-20.25", WindowCenter="40", WindowWidth="700")
store("window", dataset(twelve, 12, **window))
store("window_exact", dataset(twelve, 12, **window, VOILUTFunction="LINEAR_EXACT"))
store("window_sigmoid", dataset(twelve, 12, "MONOCHROME1", **window, VOILUTFunction="SIGMOID"))
store("windows", dataset(twelve, 12, WindowCenter=[1500, 2000], WindowWidth=[900, 4000]))
store("own_range", dataset(grey(3000, 700).astype("uint16"), 14))
store("own_range_inverted", dataset(grey(3000, 700).astype("uint16"), 12, "MONOCHROME1"))
store("signed", dataset(signed, 16, **hounsfield))
store("signed_own_range", dataset(signed, 12, RescaleSlope="-2", RescaleIntercept="3"))
store("implicit", nested(dataset(twelve, 12, syntax=ImplicitVRLittleEndian, **window)))
store("nested", nested(dataset(twelve, 12, "MONOCHROME1", **window)))
voi = [min(1023, round(1023 * (i / 2999) ** 0.5)) for i in range(3000)]
store("voi_table", dataset(twelve, 12, "MONOCHROME1", VOILUTSequence=table(voi, 500, 10), **window))
store("voi_table_signed", dataset(signed, 12, VOILUTSequence=table(voi, -700, 10)))
modality = [round(65535 * (i / 2999) ** 2) for i in range(3000)]
store("modality_table", dataset(twelve, 12, ModalityLUTSequence=table(modality, 300, 16), WindowCenter=20000, WindowWidth=30000))
store("eight_bit", dataset(eight, 8))
store("eight_bit_inverted", dataset(eight, 8, "MONOCHROME1"))
store("rgb", dataset(colour(), 8, "RGB"))
store("rgb_planes", dataset(numpy.ascontiguousarray(colour().transpose(2, 0, 1)).reshape(HEIGHT, WIDTH, 3), 8, "RGB", PlanarConfiguration=1))
store("ybr_full", dataset(colour(), 8, "YBR_FULL"))
compressed("jpeg", eight, 8, JPEGBaseline8Bit, jpeg(eight), needs_gdcm=0, tolerance=1)
compressed("jpeg_colour", colour(), 8, JPEGBaseline8Bit, jpeg(colour(), subsampling=0), "YBR_FULL", 0, 2)
lossless = imagecodecs.ljpeg_encode(twelve, bitspersample=12)
compressed("jpeg_lossless", twelve, 12, JPEGLosslessSV1, lossless, "MONOCHROME1", **window)
extended = imagecodecs.jpeg_encode(twelve, level=98, bitspersample=12)
compressed("jpeg_12_bit", twelve, 12, JPEGExtended12Bit, extended, tolerance=1, **window)
for name, syntax in [("jpeg_ls", JPEGLSLossless), ("rle", RLELossless)]:
    for suffix, ds in [
        ("", dataset(twelve, 12, **window)),
        ("_colour", dataset(colour(), 8, "RGB")),
        ("_signed", dataset(signed, 16, **hounsfield)),
    ]:
        if name == "jpeg_ls" and suffix == "_signed":
            continue
        ds.compress(syntax, generate_instance_uid=False)
        store(name + suffix, ds, 1)


def jpeg_2000(pixels, **options):
    return imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", resolutions=3, **options)


compressed("jpeg_2000", twelve, 12, JPEG2000Lossless, jpeg_2000(twelve, reversible=True, bitspersample=12), **window)
compressed("jpeg_2000_signed", signed, 16, JPEG2000Lossless, jpeg_2000(signed, reversible=True), **hounsfield)
compressed("jpeg_2000_colour", colour(), 8, JPEG2000Lossless, jpeg_2000(colour(), reversible=True, mct=True), "YBR_RCT")
compressed("jpeg_2000_lossy", twelve, 12, JPEG2000, jpeg_2000(twelve, level=60, bitspersample=12), tolerance=1, **window)
(root / "tests/golden/dicom.txt").write_text("\n".join(lines) + "\n")
