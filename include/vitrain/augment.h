/* Augmentation: what is done to training images, afresh in every epoch. One line of text says it:
 *
 *   crop=0.35-1.0 flip=0.5 rotate=10 shift=0.05 brightness=0.2 contrast=0.2 gamma=0.2 erase=0.25
 *   rand-m6-mstd0.5-inc1 mixup=0.2 cutmix=1.0
 *
 * Words are separated by blanks or commas and stand in any order; what isn't named is off. Every draw is a pure function of
 * (seed, epoch, sample, operation): never of threads, batches, or the other words. Operations happen in this order:
 *
 *   crop=LOW-HIGH         torchvision's RandomResizedCrop of the stored image: a share of its area from LOW to HIGH (LOW alone:
 *                         up to 1), resampled by the data set's filter as Pillow does it. Without it the whole image is resized
 *   crop-ratio=LOW-HIGH   width / height of that crop; 0.75-1.3333333
 *   flip=P                mirrored left to right with probability P
 *   rotate=DEGREES        torchvision's RandomAffine: turned by up to DEGREES to either side, bilinear, black outside
 *   shift=FRACTION        and, in the same step, moved by up to FRACTION of the width and of the height, whole pixels
 *   rand-mM-nN-...        timm's rand_augment_transform(): magnitude m (10), operations per image n (2), probability of each p
 *                         (0.5), deviation of the magnitude mstd (0; above 100: uniform from 0 to m), its limit mmax (10),
 *                         severities that increase with it inc1, and tweights, operations chosen by weights. Grey 128 outside
 *   brightness=AMOUNT     torchvision's ColorJitter, its operations in this order: a factor from 1 - AMOUNT (at least 0) to
 *   contrast=AMOUNT       1 + AMOUNT; LOW-HIGH says the factors themselves
 *   gamma=AMOUNT          torchvision's adjust_gamma by an exponent drawn likewise
 *   erase=P               timm's RandomErasing with probability P
 *   erase-scale=LOW-HIGH  share of the area; 0.02-0.3333333
 *   erase-ratio=LOW-HIGH  height / width of the box; 0.3-3.3333333
 *   erase-mode=MODE       const: grey 128 (0 to a model whose mean is 0.5); rand: one random colour; pixel: random pixels
 *   mixup=ALPHA           timm's Mixup, drawn per sample: pixels and labels are averaged with those of another sample of the
 *                         split, augmented too, with a weight from Beta(ALPHA, ALPHA)
 *   cutmix=ALPHA          a box of the other sample's pixels, labels by area; with both, each is taken half the time
 *   mixup-prob=P          probability that a sample is mixed at all; 1
 *   mixup-switch-prob=P   with both: probability of cutmix; 0.5 */
#ifndef VITRAIN_AUGMENT_H
#define VITRAIN_AUGMENT_H

#include "vitrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether `text` (NULL or "": no augmentation) can be read; if not, VT_ERROR_USAGE names the word and what is allowed. */
VT_API vt_status vt_augment_check(const char *text) VT_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
