"What decoder and encoder refuse, and how a context that goes on is laid out."
import pytest
import torch

from compressed_ad.decoder import Decoder, decoder_mask
from compressed_ad.encoder import CompressionEncoder

LATENTS, CONTEXT, QUERIES = torch.randn(2, 8, 16), torch.randn(2, 21, 16), torch.randn(2, 22, 16)


@pytest.fixture
def decoder() -> Decoder:
    return Decoder(width=16, n_layer=1, n_head=2, n_outputs=5, max_seq_length=29, n_latent=8)


@pytest.mark.parametrize("latents", [LATENTS, None])
def test_a_context_that_is_too_long_is_refused(decoder, latents):
    "Also without latents: their places stay free."
    told = "^21 transitions and a query: more than decoder_max_seq_length = 29, of which 8 are kept"
    with pytest.raises(ValueError, match=told):
        decoder(latents, CONTEXT, QUERIES)
    assert decoder(latents, CONTEXT[:, :20], QUERIES[:, :21]).shape == (2, 21, 5)  # just fits


@pytest.mark.parametrize("n_query", [0, 22])
def test_there_is_one_query_for_each_prefix_at_most(decoder, n_query):
    with pytest.raises(ValueError, match=f"^{n_query} queries: must be from 1 to 21, one for each prefix$"):
        decoder(LATENTS, CONTEXT[:, :20], QUERIES[:, :n_query])


def test_a_context_that_goes_on_is_laid_out_like_the_whole(decoder):
    whole = decoder.layout(LATENTS, CONTEXT[:, :20], QUERIES[:, :1])
    for start in (0, 7, 20):
        rest = decoder.layout(None, CONTEXT[:, start:20], QUERIES[:, :1], start)
        assert torch.equal(rest, whole[:, 8 + start:])


def test_masks_are_made_once():
    assert decoder_mask(3, 5, 6) is decoder_mask(3, 5, 6)


def test_the_encoder_refuses_what_it_has_no_places_for():
    encoder = CompressionEncoder(width=16, n_layer=1, n_head=2, n_latent=8, max_segment_length=20)
    for n in (0, 21):
        told = f"^segment of {n} transitions: must be from 1 to max_segment_length = 20$"
        with pytest.raises(ValueError, match=told):
            encoder(None, CONTEXT[:, :n])
    with pytest.raises(ValueError, match="^9 old latents: must be at most n_latent = 8$"):
        encoder(torch.zeros(len(CONTEXT), 9, 16), CONTEXT[:, :5])


def test_a_short_segment_uses_the_first_places():
    encoder = CompressionEncoder(width=16, n_layer=1, n_head=2, n_latent=8, max_segment_length=20)
    encoder(None, CONTEXT[:, :13]).square().sum().backward()
    assert torch.equal(encoder.positions.grad.norm(dim=-1) > 0, torch.arange(20) < 13)
